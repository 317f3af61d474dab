//! The one binary: `meseta`. Everything is in the library beside it.

use std::path::Path;
use std::process::ExitCode;

// Nothing may come before the branch of a container's supervisor: it closes every open file and
// forks, so that there must be no runtime, no thread and no parsed command line yet.
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    if first == meseta_agent::container::init::SUBCOMMAND {
        let dir = arguments.next().unwrap_or_default();
        let helpers = meseta_cli::executor::inside;
        return meseta_agent::container::init::main(Path::new(&dir), helpers);
    }
    if first == meseta_cli::executor::SUBCOMMAND {
        return ExitCode::from(meseta_cli::executor::main());
    }
    meseta_cli::main(std::env::args_os())
}
