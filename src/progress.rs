//! How long work tells whoever waits for it how far it is. The library knows nothing of terminals: it
//! talks to a [`Progress`], and the command line draws it.

/// Receives the progress of one piece of work after another. Called from many threads.
pub trait Progress: Sync {
    /// A piece of work begins: `total` things called `unit` (`pictures`, `epochs`).
    fn begin(&self, work: &str, total: u64, unit: &str);
    /// `n` more of them are done.
    fn advance(&self, n: u64);
    /// A word beside the bar, for example the current loss.
    fn note(&self, text: &str);
    /// The piece of work is over.
    fn end(&self);
    /// One line for the reader that stays, for example which layout was detected.
    fn say(&self, line: &str);
}

/// Silence: for tests, libraries and `--quiet`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _work: &str, _total: u64, _unit: &str) {}
    fn advance(&self, _n: u64) {}
    fn note(&self, _text: &str) {}
    fn end(&self) {}
    fn say(&self, _line: &str) {}
}
