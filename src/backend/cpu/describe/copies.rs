//! Several private histograms, counted into in turn, so that equal neighbours do not wait for each other's store.

use super::REACH;

/// Histograms at most.
const COPIES: usize = 8;
/// Bins up to which so many still leave half of the nearest cache to everything else.
const FEW_BINS: usize = 512;
/// Pixels to a bin from which on so many save more than it takes to clear and add them.
const PIXELS_PER_BIN: usize = 16;

/// How many private histograms there are, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Copies {
    copies: usize,
    /// Bins of one.
    len: usize,
}

impl Copies {
    /// Of histograms of `len` bins for so many pixels.
    pub(super) fn of(len: usize, pixels: usize) -> Self {
        let copies = match len {
            ..=FEW_BINS if pixels >= PIXELS_PER_BIN * len => COPIES,
            ..=4096 => COPIES / 2,
            // Copies larger than the cache would cost more than the conflicts they avoid.
            _ => 1,
        };
        Self { copies, len }
    }

    /// For each of `N` pixels in turn, by how much its histogram lies behind the first.
    pub(super) fn offset<const N: usize>(self) -> [u16; N] {
        std::array::from_fn(|i| ((i & (self.copies - 1)) * self.len) as u16)
    }

    pub(super) fn clear(self, private: &mut [u32; REACH]) {
        private[..self.copies * self.len].fill(0);
    }

    /// Adds the private histograms to `counts`.
    pub(super) fn sum(self, private: &[u32; REACH], counts: &mut [u32]) {
        for copy in private[..self.copies * self.len].chunks_exact(self.len) {
            counts.iter_mut().zip(copy).for_each(|(sum, part)| *sum = sum.wrapping_add(*part));
        }
    }
}

/// Counts one pixel for each of `bins`.
#[inline(always)]
pub(super) fn add(private: &mut [u32; REACH], bins: &[u16]) {
    for &bin in bins {
        private[usize::from(bin)] += 1;
    }
}
