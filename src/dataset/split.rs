//! Which pictures are fitted to and which are kept apart.

/// Options of a split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitOptions {
    /// Share of the pictures of each class that is kept for the test, 0 < share < 1.
    pub test_size: f64,
    /// Seed of the hash.
    pub seed: u64,
}

/// Indices into `Dataset::samples`, each list ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Fitted to.
    pub train: Vec<usize>,
    /// Chosen on.
    pub val: Vec<usize>,
    /// Reported on.
    pub test: Vec<usize>,
}
