//! In which order an epoch takes its rows.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The order of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// Row indices of each chunk.
    pub(super) rows: Vec<Vec<u32>>,
    /// Batches, by their number.
    pub(super) batches: Vec<usize>,
}

impl Order {
    /// Rows change places within their chunk, and batches take turns. It is made of the seed and the number of the epoch alone,
    /// from `chunks` as they were given: a training that goes on in the middle needs nothing of the epochs before.
    pub(super) fn new(seed: u64, epoch: usize, chunks: &[Vec<u32>], batches: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(epoch as u64);
        let mut rows = chunks.to_vec();
        rows.iter_mut().for_each(|rows| rows.shuffle(&mut random));
        let mut batches: Vec<usize> = (0..batches).collect();
        batches.shuffle(&mut random);
        Self { rows, batches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_an_order_of_its_own_that_can_be_had_again() {
        let chunks = vec![(0..40).collect(), vec![7], (3..30).collect::<Vec<u32>>()];
        let order = |seed, epoch| Order::new(seed, epoch, &chunks, 9);
        let orders = [order(42, 0), order(42, 1), order(42, 1 << 20), order(43, 0)];
        for (i, a) in orders.iter().enumerate() {
            assert!(orders[..i].iter().all(|b| a.rows != b.rows && a.batches != b.batches), "{i}");
            let sorted: Vec<Vec<u32>> = a
                .rows
                .iter()
                .cloned()
                .map(|mut rows| {
                    rows.sort_unstable();
                    rows
                })
                .collect();
            assert_eq!(sorted, chunks);
        }
        assert_eq!(order(42, 1), orders[1]);
    }
}
