//! `meseta completion`.

use super::print;
use crate::{args, exit};
use clap_complete::{generate, Shell};

/// Print what makes a shell complete verbs and flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "For bash: source <(meseta completion bash)")]
pub struct Completion {
    /// Which shell
    shell: Shell,
}

impl Completion {
    /// Prints the script.
    pub fn main(self) -> anyhow::Result<u8> {
        let mut script = Vec::new();
        generate(self.shell, &mut args::command(), "meseta", &mut script);
        print(&String::from_utf8(script)?)?;
        Ok(exit::OK)
    }
}
