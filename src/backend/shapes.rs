//! How large things are and how work is divided, in one place for every backend. Divisions depend on
//! shapes alone, never on thread or core counts, so that sums are added in the same order everywhere.

/// Rows that one partial gradient sums up.
pub const GRADIENT_ROWS: usize = 256;

/// P: how many partial gradients `count` rows have; at least one.
#[must_use]
pub fn gradient_splits(count: usize) -> usize {
    count.div_ceil(GRADIENT_ROWS).max(1)
}
