//! What cannot be undone is asked for once more: [`ConfirmArgs`].

use anyhow::{bail, Context};
use std::io::{IsTerminal, Write};

/// Exit code of what its user did not confirm.
pub(crate) const DECLINED: u8 = crate::exit::FAILED;

/// The flag of every verb that destroys something.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArgs {
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
}

impl ConfirmArgs {
    /// Whether to go on. Without a terminal there is nobody to ask, which is an error.
    pub(crate) fn ask(&self, question: &str) -> anyhow::Result<bool> {
        if self.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            bail!("{question} There is no terminal to ask at: give --yes");
        }
        let mut out = std::io::stderr().lock();
        write!(out, "{question} [y/N] ").and_then(|()| out.flush()).context("cannot ask")?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}
