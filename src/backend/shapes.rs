//! How large things are and how work is divided, in one place for every backend. Divisions depend on
//! shapes and the kind of device alone, never on thread or core counts, so that a device adds in the same order every time.

use std::ops::Range;

/// How rows are divided over partial sums: `count` splits of `rows` rows, the last of them shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splits {
    /// Rows of a split.
    pub rows: usize,
    /// P: how many splits there are; at least one.
    pub count: usize,
}

/// Bytes that all partial sums together may take.
const PARTIAL_BYTES: u64 = 256 << 20;

impl Splits {
    /// Divides `rows` rows over at most `most` splits whose lengths are a multiple of `multiple`. A partial sum has
    /// `width` numbers; together they stay below `max_array_bytes` and a quarter of a GiB where one split allows it.
    #[must_use]
    pub fn new(rows: usize, multiple: usize, most: usize, width: usize, max_array_bytes: u64) -> Self {
        let fit = max_array_bytes.min(PARTIAL_BYTES) / (4 * width.max(1) as u64);
        let most = most.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1);
        let length = rows.div_ceil(most).max(1).next_multiple_of(multiple);
        Self { rows: length, count: rows.div_ceil(length).max(1) }
    }

    /// Rows of split `p`, of `rows` in all.
    #[must_use]
    pub fn range(&self, p: usize, rows: usize) -> Range<usize> {
        let end = ((p + 1) * self.rows).min(rows);
        (p * self.rows).min(end)..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_cover_all_rows_and_fit() {
        for rows in [0, 1, 63, 64, 65, 20_250, 1_000_000] {
            for (most, width, bytes) in
                [(64, 5131, u64::MAX), (512, 10, 1 << 20), (512, 1 << 20, 1 << 24), (7, 1 << 20, 1)]
            {
                let splits = Splits::new(rows, 64, most, width, bytes);
                let covered: usize = (0..splits.count).map(|p| splits.range(p, rows).len()).sum();
                assert_eq!(covered, rows);
                assert!(splits.count >= 1 && splits.count <= most && splits.rows.is_multiple_of(64));
                assert!(splits.count == 1 || (splits.count * width * 4) as u64 <= bytes.min(PARTIAL_BYTES));
            }
        }
    }
}
