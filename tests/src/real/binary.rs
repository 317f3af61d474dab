//! Which `meseta` is tested: the one of this test's own profile, built from the present sources.
//!
//! It lies beside the test executables' folder, where `cargo build --workspace` puts it. Cargo's
//! list of what it was made from (`meseta.d`) tells whether it is older than its sources; then, or
//! if it is missing, it is built. PATH is never searched.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The binary, fit to be started.
///
/// # Panics
/// If it cannot be built: no suite passes without it.
pub fn meseta() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let profile = profile();
        let binary = profile.join("meseta");
        if !is_fresh(&binary) {
            build(&profile);
            assert!(binary.exists(), "cargo built no {}", binary.display());
        }
        binary
    })
}

/// `…/target/<profile>`, of `…/target/<profile>/deps/<this test>`.
fn profile() -> PathBuf {
    let test = std::env::current_exe().expect("the test's path");
    let deps = test.parent().filter(|folder| folder.ends_with("deps"));
    let profile = deps.and_then(Path::parent).unwrap_or_else(|| {
        panic!("{} is not in a profile's deps folder: run it with cargo", test.display())
    });
    profile.to_owned()
}

fn is_fresh(binary: &Path) -> bool {
    let (Ok(built), Ok(made_from)) =
        (modified(binary), std::fs::read_to_string(binary.with_extension("d")))
    else {
        return false;
    };
    sources(&made_from).all(|source| modified(&source).is_ok_and(|changed| changed <= built))
}

/// The files after the colon. Cargo writes a space within a path as `\ `.
fn sources(made_from: &str) -> impl Iterator<Item = PathBuf> {
    let list = made_from.split_once(": ").map_or("", |(_, list)| list).replace("\\ ", "\0");
    let paths: Vec<PathBuf> =
        list.split_whitespace().map(|path| path.replace('\0', " ").into()).collect();
    paths.into_iter()
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    path.metadata()?.modified()
}

fn build(profile: &Path) {
    let name = profile.file_name().and_then(|name| name.to_str()).expect("a profile's name");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "meseta", "--bin", "meseta"]);
    // Cargo calls the folder of its profile `dev` differently.
    command.args(["--profile", if name == "debug" { "dev" } else { name }]);
    command.arg("--target-dir").arg(profile.parent().expect("the target folder"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let output = command.output().expect("cargo starts");
    assert!(
        output.status.success(),
        "cargo cannot build meseta:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_sources_may_have_spaces() {
        let list: Vec<_> = sources("/t/debug/meseta: /a/b.rs /c\\ d/e.rs\n").collect();
        assert_eq!(list, [PathBuf::from("/a/b.rs"), PathBuf::from("/c d/e.rs")]);
    }

    #[test]
    fn a_binary_without_a_list_is_not_trusted() {
        let dir = super::super::folder();
        let binary = dir.path().join("meseta");
        std::fs::write(&binary, "").unwrap();
        assert!(!is_fresh(&binary));
        let source = dir.path().join("main.rs");
        std::fs::write(binary.with_extension("d"), format!("meseta: {}\n", source.display()))
            .unwrap();
        assert!(!is_fresh(&binary), "its source is gone");
        std::fs::write(&source, "").unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let set = |path: &Path, time| {
            std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        };
        set(&binary, at(10));
        set(&source, at(20));
        assert!(!is_fresh(&binary), "its source is newer");
        set(&source, at(5));
        assert!(is_fresh(&binary));
    }
}
