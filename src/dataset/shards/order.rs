//! In which order pictures in shards are read.

use super::Place;

/// Pictures that are read from one shard before another one has its turn.
const RUN: usize = 32;

/// The order in which the samples that lie at `places` are to be read, so that every shard is read from front to back, and
/// `streams` of them at a time: disks and networks like the one, and the other keeps all cores busy on shards that come slowly.
#[must_use]
pub fn reading_order(places: &[Place], streams: usize) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..places.len()).collect();
    sorted.sort_unstable_by_key(|&i| places[i]);
    let shards: Vec<&[usize]> = sorted.chunk_by(|&a, &b| places[a].shard == places[b].shard).collect();
    let mut waiting = shards.into_iter();
    let mut open: Vec<&[usize]> = waiting.by_ref().take(streams.max(1)).collect();
    let mut order = Vec::with_capacity(places.len());
    while !open.is_empty() {
        for shard in &mut open {
            let (now, later) = shard.split_at(RUN.min(shard.len()));
            order.extend_from_slice(now);
            *shard = if later.is_empty() { waiting.next().unwrap_or_default() } else { later };
        }
        open.retain(|shard| !shard.is_empty());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_read_from_front_to_back_and_several_at_once() {
        // Samples by their names lie anywhere in the shards.
        let places: Vec<Place> = (0..1000u64)
            .map(|i| Place { shard: (i * 7 % 5) as u32, at: i * 7919 % 1000 * 512, len: 1 })
            .collect();
        for streams in [1, 2, 5, 9] {
            let order = reading_order(&places, streams);
            let mut seen = order.clone();
            seen.sort_unstable();
            assert_eq!(seen, (0..1000).collect::<Vec<_>>());
            for shard in 0..5 {
                let read: Vec<u64> =
                    order.iter().filter(|&&i| places[i].shard == shard).map(|&i| places[i].at).collect();
                assert!(read.is_sorted(), "shard {shard} of {streams} streams");
            }
            let first: std::collections::HashSet<u32> =
                order.iter().take(5 * RUN).map(|&i| places[i].shard).collect();
            assert_eq!(first.len(), streams.min(5));
        }
        assert_eq!(reading_order(&[], 3), Vec::<usize>::new());
    }
}
