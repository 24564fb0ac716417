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
mod reciprocals;
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
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    fn run(mut self, arch: Arch) {
        #[cfg(target_arch = "x86_64")]
        if self.by_intrinsics(arch).is_some() {
            return;
        }
        arch.dispatch(self);
    }

    /// Counts in instructions that the compiler does not find, and says which; None where there are none, or none for these
    /// bins.
    #[cfg(target_arch = "x86_64")]
    fn by_intrinsics(&mut self, arch: Arch) -> Option<Vectors> {
        let BinIndex::Multiply(channels) = self.index else { return None };
        let Scratch { private, runs } = &mut *self.scratch;
        let simd = match arch {
            Arch::V4(simd) => {
                let factors = &index::Factors::new(channels)?;
                if avx512::try_count(self.rgb, factors, &self.copies.offset(), runs, private) {
                    return Some(Vectors::Avx512);
                }
                // Where both were timed, AVX2's were faster than the plain loops in vectors twice as wide.
                *simd
            }
            Arch::V3(simd) => simd,
            _ => return None,
        };
        let (factors, offset) = (&index::Factors::new(channels)?, &self.copies.offset());
        simd.vectorize(avx2::Count { simd, rgb: self.rgb, factors, offset, private });
        Some(Vectors::Avx2)
    }
}

/// Instructions that [`Count::by_intrinsics`] counts in.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vectors {
    Avx2,
    Avx512,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the pixels of `rgb` in each way that this processor has, and says which.
    fn counted(rgb: &[u8], bins: &Bins) -> Vec<(String, Vec<u32>)> {
        let (index, copies) = (BinIndex::new(bins), Copies::of(bins.len(), rgb.len() / 3));
        let mut all = Vec::new();
        let mut add = |work: &mut dyn FnMut(Count<'_>) -> Option<String>| {
            let (scratch, mut counts) = (&mut Scratch::new(), vec![0; bins.len()]);
            if let Some(name) = work(Count { rgb, index: &index, copies, scratch }) {
                copies.sum(&scratch.private, &mut counts);
                all.push((name, counts));
            }
        };
        let plainly = |arch: Arch, count: Count<'_>| {
            arch.dispatch(count);
            Some(format!("plain, {arch:?}"))
        };
        add(&mut |count| plainly(Arch::Scalar, count));
        add(&mut |count| plainly(Arch::new(), count));
        #[cfg(target_arch = "x86_64")]
        {
            add(&mut |mut count| Some(format!("{:?}", count.by_intrinsics(Arch::new())?)));
            if let Some(simd) = pulp::x86::V3::try_new() {
                add(&mut |mut count| Some(format!("{:?}", count.by_intrinsics(Arch::V3(simd))?)));
            }
        }
        all
    }

    /// Compares them; as many ways must have been compared as this processor has, but for bins that only plain loops count.
    fn assert_alike(what: &str, rgb: &[u8], bins: &Bins, plain_alone: bool) {
        let all = counted(rgb, bins);
        let (_, expected) = &all[0];
        for (name, counts) in &all {
            assert!(expected == counts, "{what}, {:?} bins: {name} counts otherwise", bins.counts());
        }
        assert_eq!(expected.iter().sum::<u32>() as usize, rgb.len() / 3);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            let names: Vec<&str> = all.iter().map(|(name, _)| &name[..]).collect();
            assert_eq!(names.contains(&"Avx2"), !plain_alone, "{what}: {names:?} with {simd:?}");
            let bytes = is_x86_feature_detected!("avx512vbmi2") && is_x86_feature_detected!("avx512vbmi");
            assert_eq!(names.contains(&"Avx512"), bytes && !plain_alone, "{what}: {names:?}");
        }
    }

    /// Says what this processor cannot test.
    fn tell_what_is_missing() {
        #[cfg(target_arch = "x86_64")]
        if !is_x86_feature_detected!("avx512vbmi2") {
            eprintln!("SKIPPED: no AVX-512 with VBMI2 here, describe/avx512.rs is not compared");
        }
    }

    #[test]
    fn every_processor_counts_every_colour_alike() {
        tell_what_is_missing();
        let colours: Vec<u8> = (0..1u32 << 24).flat_map(|c| c.to_le_bytes().into_iter().take(3)).collect();
        // 26 hue bins, whose edges OpenCV rounds; none; as fine as vectors count; more than 512 and than 4,096 bins, which have
        // fewer histograms; as many as there may be.
        for shape in
            [[8, 8, 8], [26, 3, 5], [1, 1, 1], [179, 1, 255], [1, 255, 255], [8, 16, 16], [16, 64, 64]]
        {
            assert_alike("every colour", &colours, &Bins::new(shape).unwrap(), false);
        }
        // A channel with a bin a value.
        for shape in [[1, 256, 4], [180, 16, 16]] {
            assert_alike("every colour", &colours, &Bins::new(shape).unwrap(), true);
        }
    }

    #[test]
    fn pixels_behind_the_last_whole_block_are_counted() {
        let bins = Bins::new([8, 8, 8]).unwrap();
        // Few, and so many that they are counted in more copies.
        let bytes: Vec<u8> = (0..3 * 8300u64).map(|i| (i * i * 7 + i) as u8).collect();
        for pixels in (0..200).chain(8180..8300) {
            assert_alike(&format!("{pixels} pixels"), &bytes[..3 * pixels], &bins, false);
        }
    }

    #[test]
    fn runs_of_every_length_are_counted_wherever_they_end() {
        tell_what_is_missing();
        // Around halves of blocks, blocks and stretches of every kind of vector.
        let lengths = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1023, 1024, 1025, 2049];
        let colours = [[255, 255, 255], [0, 0, 0], [250, 10, 10], [0, 0, 0], [10, 200, 30], [40, 40, 220]];
        let mut rgb = Vec::new();
        let mut turn = 0usize;
        // Each length after each other, so that runs begin at many places.
        for first in lengths {
            for second in lengths {
                for length in [first, second] {
                    rgb.extend_from_slice(&colours[turn % colours.len()].repeat(length));
                    turn += 1;
                }
            }
        }
        let bins = Bins::new([8, 8, 8]).unwrap();
        let pixels = rgb.len() / 3;
        let ends = (1..pixels / 1024).map(|i| 1024 * i).chain([64, 128, pixels]);
        for end in ends.flat_map(|end| [end - 1, end, (end + 1).min(pixels)]) {
            assert_alike(&format!("runs up to pixel {end}"), &rgb[..3 * end], &bins, false);
        }
    }
}
