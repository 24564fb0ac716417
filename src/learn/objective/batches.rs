//! How the rows of chunks are cut into batches.

use crate::backend::DeviceError;

/// Rows of one batch, all in one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The chunk.
    pub chunk: usize,
    /// Where in the chunk's row indices the batch begins.
    pub first: usize,
    /// How many rows it has.
    pub count: usize,
}

/// Cuts every chunk into as few batches of at most `size` rows as possible, of even length.
pub(in crate::learn) fn batches(chunks: &[Vec<u32>], size: usize) -> Vec<Batch> {
    let cut = |(chunk, rows): (usize, &Vec<u32>)| {
        let (len, parts) = (rows.len(), rows.len().div_ceil(size));
        (0..parts).map(move |p| {
            let (first, end) = (p * len / parts, (p + 1) * len / parts);
            Batch { chunk, first, count: end - first }
        })
    };
    chunks.iter().enumerate().flat_map(cut).collect()
}

/// Batches are not made smaller than this for want of memory.
pub(super) const FEW: usize = 256;

/// What `make` makes for batches of `chunks`, of at most `size` rows, and the batches: of half as many rows each where the device has no
/// memory for what lies between the stages of larger ones, down to a few. Sums over them are the same up to rounding.
pub(in crate::learn) fn that_fit<T>(
    chunks: &[Vec<u32>],
    size: usize,
    make: impl Fn(&[Batch]) -> Result<T, DeviceError>,
) -> Result<(T, Vec<Batch>), DeviceError> {
    let longest = chunks.iter().map(Vec::len).max().unwrap_or(1);
    let mut size = size.min(longest).max(1);
    loop {
        let batches = batches(chunks, size);
        match make(&batches) {
            Err(DeviceError::OutOfMemory { .. }) if size > FEW => size = (size / 2).max(FEW),
            made => return made.map(|made| (made, batches)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_row_once_and_evenly() {
        for (lengths, size) in [(vec![10], 3), (vec![7, 0, 5], 4), (vec![1], 100), (vec![8192, 1], 8192)] {
            let chunks: Vec<Vec<u32>> = lengths.iter().map(|&n| (0..n).collect()).collect();
            let batches = batches(&chunks, size);
            for (c, rows) in chunks.iter().enumerate() {
                let mut next = 0;
                for batch in batches.iter().filter(|b| b.chunk == c) {
                    assert_eq!(batch.first, next);
                    assert!(batch.count > 0 && batch.count <= size);
                    next += batch.count;
                }
                assert_eq!(next, rows.len());
            }
        }
    }
}
