//! What a person sees while tasks run: a bar on a terminal, plain lines elsewhere. On stderr.

use super::instances::Counts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// How often the bar moves by itself.
const TICK: Duration = Duration::from_millis(200);

/// A bar, or lines.
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For `total` things to end; a bar if stderr is a terminal.
    pub fn new(total: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Progress { bar: None };
        }
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = "[{elapsed_precise}] {wide_bar} {pos}/{len} {msg}";
        // A constant template; without it the default one is used.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Progress { bar: Some(bar) }
    }

    /// Something happened: a line where there is no bar.
    pub fn line(&self, text: &str) {
        if self.bar.is_none() {
            eprintln!("{text}");
        }
    }

    /// Something that a person must see in both.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// How far it is.
    pub fn counts(&self, counts: Counts) {
        if let Some(bar) = &self.bar {
            bar.set_position(u64::try_from(counts.ended).unwrap_or(u64::MAX));
            bar.set_message(format!("{} running, {} waiting", counts.running, counts.waiting));
        }
    }

    /// Runs `print` while nothing is drawn.
    pub fn around<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
