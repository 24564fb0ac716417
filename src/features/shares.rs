//! What each core takes next of the pictures.

use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Pictures of a share, at most, and so what cores have room for: enough for a dispatch to be worth its while with tiles of 64×64.
const MOST: usize = 256;
/// A share is what is left, divided by so many for each core.
const PARTS: usize = 8;

/// Pictures 0 to `count`, divided among cores as they ask: shares that become smaller towards the end, so that no core is left alone
/// with the last of them (guided self-scheduling: Polychronopoulos and Kuck, IEEE Trans. Computers 36, 1987).
pub(super) struct Shares {
    next: AtomicUsize,
    count: usize,
    cores: usize,
    sizes: RangeInclusive<usize>,
}

impl Shares {
    /// For so many `cores`, each share of `most` pictures at most, and of at least `least` where all of them are worth that.
    pub(super) fn new(count: usize, cores: usize, least: usize, most: usize) -> Self {
        let most = most.clamp(1, MOST);
        let least = least.min(count.div_ceil(PARTS * cores)).clamp(1, most);
        Self { next: AtomicUsize::new(0), count, cores, sizes: least..=most }
    }

    /// Pictures of the largest share: the first, as what is left becomes less.
    pub(super) fn largest(&self) -> usize {
        self.share(self.count)
    }

    /// The next pictures, if there are any left.
    pub(super) fn take(&self) -> Option<Range<usize>> {
        let end = |start: usize| {
            (start < self.count).then(|| self.count.min(start + self.share(self.count - start)))
        };
        let start = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end).ok()?;
        Some(start..end(start)?)
    }

    /// How many pictures are taken of so many that are left.
    fn share(&self, left: usize) -> usize {
        (left / (PARTS * self.cores)).clamp(*self.sizes.start(), *self.sizes.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_is_taken_once_and_the_last_by_few() {
        for (count, cores, least, most) in [
            (0, 2, 1, 256),
            (1, 2, 8, 256),
            (10, 2, 1, 256),
            (10, 2, 8, 256),
            (2002, 2, 1, 256),
            (100_000, 16, 8, 256),
            (500, 1, 8, 3),
            (9, 3, 1, 0),
        ] {
            let shares = Shares::new(count, cores, least, most);
            let taken: Vec<Range<usize>> = std::iter::from_fn(|| shares.take()).collect();
            assert_eq!(taken.iter().cloned().flatten().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            assert!(taken.iter().all(|share| (1..=shares.largest()).contains(&share.len())), "{taken:?}");
            assert!(taken.is_sorted_by_key(|share| std::cmp::Reverse(share.len())), "{taken:?}");
            assert!(taken.last().is_none_or(|last| last.len() <= least), "{taken:?}");
            assert!(shares.take().is_none());
        }
        assert_eq!(Shares::new(100, 2, 32, 256).largest(), 7, "some for every core");
        // A sixteenth each at first, as far as a dispatch goes.
        assert_eq!(Shares::new(2002, 2, 1, 256).largest(), 125);
        assert_eq!(Shares::new(1 << 20, 2, 1, 256).largest(), 256);
    }
}
