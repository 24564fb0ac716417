//! Counting by runs: neighbours in a picture mostly fall into the same bin (in photographs three at a time, with 8x8x8 bins), so
//! what is added to a histogram is the length of each run of them, once.

use super::REACH;

/// Pixels of one stretch: they go through each stage together before the next. Few enough that all that is kept of them
/// stays in the nearest cache, many enough that the ends of the loops over them do not count.
pub(super) const STRETCH: usize = 1024;
/// Starts that may be written at once behind those that are there.
pub(super) const AT_ONCE: usize = 32;
/// Runs counted in one step of the loop.
const STEP: usize = 8;
const _: () = assert!(STEP <= AT_ONCE);

/// The runs of a stretch of pixels.
#[repr(align(64))]
pub(super) struct Runs {
    /// Where each pixel is counted, in the order of the picture. All of a run may be counted where its first pixel is.
    pub(super) bins: [u16; STRETCH],
    /// The first pixel of each run, in order; the first of all is 0.
    pub(super) starts: [u16; STRETCH + AT_ONCE],
}

impl Runs {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self { bins: [0; STRETCH], starts: [0; STRETCH + AT_ONCE] })
    }

    /// Adds `runs` runs, the last of which ends before pixel `end`, to `private`.
    #[inline(always)]
    pub(super) fn count(&mut self, runs: usize, end: usize, private: &mut [u32; REACH]) {
        // Runs are counted some at a time; those behind the last are empty.
        self.starts[runs..runs + STEP].fill(end as u16);
        let (next, _) = self.starts[1..=runs.next_multiple_of(STEP)].as_chunks::<STEP>();
        let mut start = 0;
        for next in next {
            for next in next.map(usize::from) {
                // Empty runs start behind the last pixel, which may be behind the stretch: they add 0 to some bin.
                let bin = usize::from(self.bins[start % STRETCH]);
                private[bin] = private[bin].wrapping_add((next - start) as u32);
                start = next;
            }
        }
    }
}
