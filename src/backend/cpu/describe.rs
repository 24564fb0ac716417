//! **describe** on the CPU: bin indices for a block of pixels in vectors, then counts in several private histograms.
//!
//! OpenCV's two reciprocal tables are computed, not looked up: an f32 division rounded to even gives each of
//! their 255 entries exactly, and a table of bins becomes one multiplication and shift. Both facts are tested
//! over every value, so that the whole colour conversion is arithmetic that the compiler turns into vectors.

#[cfg(target_arch = "x86_64")]
mod avx2;

use std::cell::RefCell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::backend::{Bins, Pictures};

/// Pixels that become bins in one step, while those of the step before are counted: one run of instructions without a
/// branch, so that the processor does both at once.
const BLOCK: usize = 64;
/// Histograms that are counted into in turn, so that equal neighbours do not wait for each other's store.
const PRIVATE: usize = 4;
/// Numbers that an index of 16 bits reaches: counting needs no check of bounds.
const REACH: usize = 1 << 16;
/// Pixels of one task. Pictures larger than this are divided over the threads.
const TASK: usize = 1 << 20;

/// What a thread keeps from batch to batch: the bins as arithmetic take longer to find than a small picture to count.
struct Kept {
    counts: [u32; 3],
    index: BinIndex,
    private: Box<[u32; REACH]>,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Calls `work` with what this thread keeps.
fn with_kept(bins: &Bins, work: impl FnOnce(&BinIndex, &mut [u32; REACH])) {
    KEPT.with_borrow_mut(|kept| {
        let made =
            || Kept { counts: bins.counts(), index: BinIndex::new(bins), private: private_histograms() };
        let kept = kept.get_or_insert_with(made);
        if kept.counts != bins.counts() {
            kept.counts = bins.counts();
            kept.index = BinIndex::new(bins);
        }
        work(&kept.index, &mut kept.private);
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
    with_kept(bins, |index, private| Count { rgb, index, private, counts }.run(arch));
}

fn private_histograms() -> Box<[u32; REACH]> {
    vec![0; REACH].try_into().expect("as long as it was made")
}

/// Bins as arithmetic: `(x·factor) >> SHIFT`, times the stride of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BinIndex {
    /// Three pairs of factor and stride.
    Multiply([(u32, u32); 3]),
    /// For bins that no factor reproduces.
    Lookup(Box<[[u32; 256]; 3]>),
}

const SHIFT: u32 = 16;

impl BinIndex {
    fn new(bins: &Bins) -> Self {
        let [_, saturation, value] = bins.counts();
        let strides = [saturation * value, value, 1];
        let factors: Option<Vec<_>> = (bins.tables().iter().zip(strides))
            .zip([180, 256, 256])
            .map(|((table, stride), range)| Some((factor(&table[..range], stride)?, stride)))
            .collect();
        match factors.as_deref() {
            Some(&[hue, saturation, value]) => Self::Multiply([hue, saturation, value]),
            _ => Self::Lookup(Box::new(*bins.tables())),
        }
    }
}

/// The factor for which `(x·factor) >> SHIFT == table[x] / stride` for every x, if there is one.
fn factor(table: &[u32], stride: u32) -> Option<u32> {
    let (mut low, mut high) = (0u32, 1 << SHIFT);
    for (x, &entry) in (0u32..).zip(table).skip(1) {
        let bin = entry / stride;
        low = low.max((bin << SHIFT).div_ceil(x));
        high = high.min(((bin + 1) << SHIFT).div_ceil(x) - 1);
    }
    (low <= high).then_some(low)
}

/// [`count`], compiled for each set of vector instructions. No intrinsics: the loops are plain, and become vectors
/// because everything is inlined into this one function.
struct Count<'a> {
    rgb: &'a [u8],
    index: &'a BinIndex,
    private: &'a mut [u32; REACH],
    counts: &'a mut [u32],
}

impl Count<'_> {
    /// Counts with the best that this processor has.
    fn run(self, arch: Arch) {
        #[cfg(target_arch = "x86_64")]
        if let (Arch::V3(simd), BinIndex::Multiply(channels)) = (arch, self.index)
            && let Some(factors) = &avx2::Factors::new(channels)
        {
            let Self { rgb, private, counts, .. } = self;
            simd.vectorize(avx2::Count { simd, rgb, factors, private, counts });
            return;
        }
        arch.dispatch(self);
    }
}

impl WithSimd for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { rgb, index, private, counts } = self;
        match index {
            BinIndex::Multiply(channels) => count(
                rgb,
                private,
                counts,
                #[inline(always)]
                |x, channel| {
                    let (factor, stride) = channels[channel];
                    ((x * factor) >> SHIFT) * stride
                },
            ),
            BinIndex::Lookup(tables) => count(
                rgb,
                private,
                counts,
                #[inline(always)]
                |x, channel| tables[channel][x as usize & 255],
            ),
        }
    }
}

/// Adds the pixels of `rgb` to `counts`.
#[inline(always)]
fn count(rgb: &[u8], private: &mut [u32; REACH], counts: &mut [u32], bin: impl Fn(u32, usize) -> u32) {
    let len = counts.len();
    let copies = copies(len);
    private[..copies * len].fill(0);
    let offset: [u16; BLOCK] = std::array::from_fn(|i| (i % copies * len) as u16);
    let (blocks, rest) = rgb.as_chunks::<{ 3 * BLOCK }>();
    if let Some((first, blocks)) = blocks.split_first() {
        let mut before = bins(first, &offset, &bin);
        for pixels in blocks {
            let now = bins(pixels, &offset, &bin);
            add(private, &before);
            before = now;
        }
        add(private, &before);
    }
    if !rest.is_empty() {
        let mut pixels = [0; 3 * BLOCK];
        pixels[..rest.len()].copy_from_slice(rest);
        add(private, &bins(&pixels, &offset, &bin)[..rest.len() / 3]);
    }
    for copy in private[..copies * len].chunks_exact(len) {
        counts.iter_mut().zip(copy).for_each(|(sum, part)| *sum += part);
    }
}

/// How many private histograms of so many bins.
fn copies(len: usize) -> usize {
    // Copies of a histogram larger than the cache would cost more than the conflicts they avoid. `avx2` doubles them for large
    // pictures, which was not measured elsewhere.
    if len <= 4096 { PRIVATE } else { 1 }
}

#[inline(always)]
fn add(private: &mut [u32; REACH], bins: &[u16]) {
    for &bin in bins {
        private[usize::from(bin)] += 1;
    }
}

/// Where each of a block of pixels is counted.
#[inline(always)]
fn bins(pixels: &[u8; 3 * BLOCK], offset: &[u16; BLOCK], bin: impl Fn(u32, usize) -> u32) -> [u16; BLOCK] {
    let (mut red, mut green, mut blue) = ([0; BLOCK], [0; BLOCK], [0; BLOCK]);
    for i in 0..BLOCK {
        red[i] = pixels[3 * i];
        green[i] = pixels[3 * i + 1];
        blue[i] = pixels[3 * i + 2];
    }
    let mut out = [0; BLOCK];
    for i in 0..BLOCK {
        let (h, s, v) = hsv(i32::from(red[i]), i32::from(green[i]), i32::from(blue[i]));
        out[i] = offset[i] + (bin(h as u32, 0) + bin(s as u32, 1) + bin(v as u32, 2)) as u16;
    }
    out
}

/// `reference::hsv`, without tables or branches.
#[inline(always)]
fn hsv(r: i32, g: i32, b: i32) -> (i32, i32, i32) {
    let v = r.max(g).max(b);
    let d = v - r.min(g).min(b);
    let s = d.wrapping_mul(reciprocal(255.0 * 4096.0, v)).wrapping_add(2048) >> 12;
    let after_green = if v == g { b - r + 2 * d } else { r - g + 4 * d };
    let sextant = if v == r { g - b } else { after_green };
    let h = sextant.wrapping_mul(reciprocal(180.0 * 4096.0 / 6.0, d)).wrapping_add(2048) >> 12;
    (if h < 0 { h + 180 } else { h }, s, v)
}

/// `round_half_even(scale / x)`: adding 1.5·2²³ leaves the rounded integer in the low bits of the sum. At x = 0 the
/// result is some number, which callers multiply by a difference of 0.
#[inline(always)]
fn reciprocal(scale: f32, x: i32) -> i32 {
    const ROUND: f32 = 12_582_912.0;
    (scale / x as f32 + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::reciprocals;

    #[test]
    fn divisions_give_every_entry_of_opencvs_tables() {
        let [saturation, hue] = reciprocals();
        for x in 1..256 {
            assert_eq!(reciprocal(255.0 * 4096.0, x), saturation[x as usize] as i32, "saturation {x}");
            assert_eq!(reciprocal(180.0 * 4096.0 / 6.0, x), hue[x as usize] as i32, "hue {x}");
        }
    }

    #[test]
    fn one_multiplication_gives_every_bin() {
        let mut lookups = 0;
        for count in 1..=256u32 {
            let Ok(bins) = Bins::new([count.min(180), 1, count.min(128)]) else { continue };
            match BinIndex::new(&bins) {
                BinIndex::Lookup(_) => lookups += 1,
                BinIndex::Multiply(channels) => {
                    for (c, &(factor, stride)) in channels.iter().enumerate() {
                        for x in 0..[180, 256, 256][c] {
                            let bin = ((x * factor) >> SHIFT) * stride;
                            assert_eq!(
                                bin,
                                bins.tables()[c][x as usize],
                                "{count} bins, channel {c}, byte {x}"
                            );
                        }
                    }
                }
            }
        }
        assert!(lookups < 10, "{lookups} bin counts need tables");
    }

    fn counted(arch: Arch, rgb: &[u8], bins: &Bins) -> Vec<u32> {
        let index = BinIndex::new(bins);
        let mut counts = vec![0; bins.len()];
        Count { rgb, index: &index, private: &mut private_histograms(), counts: &mut counts }.run(arch);
        counts
    }

    /// The best that this processor has, and AVX2 where that is not it.
    fn others() -> Vec<Arch> {
        let best = Arch::new();
        #[cfg(target_arch = "x86_64")]
        if let (false, Some(simd)) = (matches!(best, Arch::V3(_)), pulp::x86::V3::try_new()) {
            return vec![best, Arch::V3(simd)];
        }
        vec![best]
    }

    #[test]
    fn every_processor_counts_every_colour_alike() {
        let colours: Vec<u8> = (0..1u32 << 24).flat_map(|c| c.to_le_bytes().into_iter().take(3)).collect();
        // 26 hue bins, whose edges OpenCV rounds; none; a channel with a bin a value, and all but that; many, and so one copy.
        for shape in [[8, 8, 8], [26, 3, 5], [1, 1, 1], [1, 256, 4], [180, 1, 255], [180, 16, 16]] {
            let bins = Bins::new(shape).unwrap();
            let plain = counted(Arch::Scalar, &colours, &bins);
            for arch in others() {
                assert_eq!(plain, counted(arch, &colours, &bins), "{shape:?}, {arch:?}");
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
            let plain = counted(Arch::Scalar, rgb, &bins);
            for arch in others() {
                assert_eq!(plain, counted(arch, rgb, &bins), "{pixels} pixels, {arch:?}");
            }
        }
    }
}
