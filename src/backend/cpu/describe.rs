//! **describe** on the CPU: bin indices for a block of pixels in vectors, then counts in several private histograms. Plain
//! loops for every processor, and what AVX2 and AVX-512 have that the compiler does not find; all count alike.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod copies;
mod index;
mod plain;
#[cfg(target_arch = "x86_64")]
mod runs;

use std::cell::RefCell;

use pulp::Arch;
use rayon::prelude::*;

use crate::backend::{Bins, Pictures};
use copies::Copies;
use index::BinIndex;

/// Numbers that an index of 16 bits reaches: counting needs no check of bounds.
const REACH: usize = 1 << 16;
/// Pixels of one task. Pictures larger than this are divided over the threads.
const TASK: usize = 1 << 20;

/// What a thread keeps from batch to batch: the bins as arithmetic take longer to find than a small picture to count.
struct Kept {
    counts: [u32; 3],
    index: BinIndex,
    scratch: Scratch,
}

/// Where pixels are counted.
struct Scratch {
    private: Box<[u32; REACH]>,
    #[cfg(target_arch = "x86_64")]
    runs: Box<runs::Runs>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            private: vec![0; REACH].try_into().expect("as long as it was made"),
            #[cfg(target_arch = "x86_64")]
            runs: runs::Runs::new(),
        }
    }
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Calls `work` with what this thread keeps.
fn with_kept(bins: &Bins, work: impl FnOnce(&BinIndex, &mut Scratch)) {
    KEPT.with_borrow_mut(|kept| {
        let made = || Kept { counts: bins.counts(), index: BinIndex::new(bins), scratch: Scratch::new() };
        let kept = kept.get_or_insert_with(made);
        if kept.counts != bins.counts() {
            kept.counts = bins.counts();
            kept.index = BinIndex::new(bins);
        }
        work(&kept.index, &mut kept.scratch);
    });
}

pub(super) fn describe(arch: Arch, pictures: &Pictures, bins: &Bins, counts: &mut [u32]) {
    let rows = &mut counts[..pictures.len() * bins.len()];
    // Less than a task: nothing to divide. It is what a core has just decoded, and lies in its cache.
    if pictures.byte_len() <= 3 * TASK {
        for (i, row) in rows.chunks_mut(bins.len()).enumerate() {
            row.fill(0);
            add_pixels(arch, pictures.rgb(i), bins, row);
        }
        return;
    }
    rows.par_chunks_mut(bins.len()).enumerate().for_each(|(i, row)| {
        let rgb = pictures.rgb(i);
        row.fill(0);
        if rgb.len() <= 3 * TASK {
            add_pixels(arch, rgb, bins, row);
            return;
        }
        let sum = rgb
            .par_chunks(3 * TASK)
            .map(|part| {
                let mut partial = vec![0; bins.len()];
                add_pixels(arch, part, bins, &mut partial);
                partial
            })
            .reduce(
                || vec![0; bins.len()],
                |mut sum, part| {
                    sum.iter_mut().zip(part).for_each(|(s, p)| *s += p);
                    sum
                },
            );
        row.copy_from_slice(&sum);
    });
}

/// Adds the pixels of `rgb` to `counts`, on this thread.
fn add_pixels(arch: Arch, rgb: &[u8], bins: &Bins, counts: &mut [u32]) {
    with_kept(bins, |index, scratch| {
        let copies = Copies::of(counts.len(), rgb.len() / 3);
        copies.clear(&mut scratch.private);
        Count { rgb, index, copies, scratch }.run(arch);
        copies.sum(&scratch.private, counts);
    });
}

/// Adds the pixels of `rgb` to the private histograms.
struct Count<'a> {
    rgb: &'a [u8],
    index: &'a BinIndex,
    copies: Copies,
    scratch: &'a mut Scratch,
}

impl Count<'_> {
    /// Counts with the best that this processor has.
    #[allow(unused_mut)]
    fn run(mut self, arch: Arch) {
        #[cfg(target_arch = "x86_64")]
        if self.special(arch) {
            return;
        }
        arch.dispatch(self);
    }

    /// Counts in instructions that the compiler does not find; false where there are none, or none for these bins.
    #[cfg(target_arch = "x86_64")]
    fn special(&mut self, arch: Arch) -> bool {
        let BinIndex::Multiply(channels) = self.index else { return false };
        let Scratch { private, runs } = &mut *self.scratch;
        let simd = match arch {
            Arch::V4(_) if avx512::offered() => {
                let Some(factors) = &index::Factors::new(channels) else { return false };
                // SAFETY: the processor offers all instructions that the function is compiled for.
                #[allow(unsafe_code)]
                unsafe {
                    avx512::count(self.rgb, factors, &self.copies.offset(), runs, private);
                }
                return true;
            }
            // Without instructions for bytes, AVX-512 has nothing that AVX2 lacks here.
            Arch::V4(simd) => *simd,
            Arch::V3(simd) => simd,
            _ => return false,
        };
        let Some(factors) = &index::Factors::new(channels) else { return false };
        let offset = &self.copies.offset();
        simd.vectorize(avx2::Count { simd, rgb: self.rgb, factors, offset, private });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the plain loops, or by what the processor has for it.
    #[derive(Debug, Clone, Copy)]
    enum How {
        Plain(Arch),
        Best(Arch),
    }

    fn counted(how: How, rgb: &[u8], bins: &Bins) -> Vec<u32> {
        let (index, mut counts) = (BinIndex::new(bins), vec![0; bins.len()]);
        let (copies, scratch) = (Copies::of(bins.len(), rgb.len() / 3), &mut Scratch::new());
        let count = Count { rgb, index: &index, copies, scratch };
        match how {
            How::Plain(arch) => arch.dispatch(count),
            How::Best(arch) => count.run(arch),
        }
        copies.sum(&scratch.private, &mut counts);
        counts
    }

    /// The best that this processor has, and AVX2 where that is not it.
    fn others() -> Vec<How> {
        #[allow(unused_mut)]
        let mut arches = vec![Arch::new()];
        #[cfg(target_arch = "x86_64")]
        if let (false, Some(simd)) = (matches!(arches[0], Arch::V3(_)), pulp::x86::V3::try_new()) {
            arches.push(Arch::V3(simd));
        }
        arches.into_iter().flat_map(|arch| [How::Plain(arch), How::Best(arch)]).collect()
    }

    #[test]
    fn every_processor_counts_every_colour_alike() {
        let colours: Vec<u8> = (0..1u32 << 24).flat_map(|c| c.to_le_bytes().into_iter().take(3)).collect();
        // 26 hue bins, whose edges OpenCV rounds; none; a channel with a bin a value, and all but that; many, and so one copy.
        for shape in [[8, 8, 8], [26, 3, 5], [1, 1, 1], [1, 256, 4], [180, 1, 255], [180, 16, 16]] {
            let bins = Bins::new(shape).unwrap();
            let plain = counted(How::Plain(Arch::Scalar), &colours, &bins);
            for how in others() {
                assert_eq!(plain, counted(how, &colours, &bins), "{shape:?}, {how:?}");
            }
            assert_eq!(plain.iter().sum::<u32>(), 1 << 24);
        }
    }

    #[test]
    fn pixels_behind_the_last_whole_block_are_counted() {
        let bins = Bins::new([8, 8, 8]).unwrap();
        // Few, and so many that they are counted in more copies.
        let bytes: Vec<u8> = (0..3 * 8300u64).map(|i| (i * i * 7 + i) as u8).collect();
        for pixels in (0..200).chain(8180..8300) {
            let rgb = &bytes[..3 * pixels];
            let plain = counted(How::Plain(Arch::Scalar), rgb, &bins);
            for how in others() {
                assert_eq!(plain, counted(how, rgb, &bins), "{pixels} pixels, {how:?}");
            }
        }
    }
}
