//! `meseta demo`: see [`crate::demo`].

use crate::demo;

/// Start a cluster, run a hundred tasks on it, and check what became of them.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Remove the work dir at the end, sandboxes and all
    #[arg(long)]
    clean: bool,
}

impl Demo {
    /// Runs it to its end.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        demo::main(self.clean)
    }
}
