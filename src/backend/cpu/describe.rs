//! **describe** on the CPU: bin indices for a block of pixels in vectors, then counts in several private histograms.
//!
//! OpenCV's two reciprocal tables are computed, not looked up: an f32 division rounded to even gives each of
//! their 255 entries exactly, and a table of bins becomes one multiplication and shift. Both facts are tested
//! over every value, so that the whole colour conversion is arithmetic that the compiler turns into vectors.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::backend::{Bins, Pictures};

/// Pixels whose channels and bins are in flight together. Few enough that the processor counts one block while it
/// computes the next: 1,024 were 13 % slower, 64 were 14 % slower.
const BLOCK: usize = 128;
/// Histograms that are counted into in turn, so that equal neighbours do not wait for each other's store.
const PRIVATE: usize = 4;
/// Pixels of one task. Pictures larger than this are divided over the threads.
const TASK: usize = 1 << 20;

pub(super) fn describe(arch: Arch, pictures: &Pictures, bins: &Bins, counts: &mut [u32]) {
    let index = BinIndex::new(bins);
    counts[..pictures.len() * bins.len()].par_chunks_mut(bins.len()).enumerate().for_each(|(i, row)| {
        let rgb = pictures.rgb(i);
        if rgb.len() <= 3 * TASK {
            row.fill(0);
            arch.dispatch(Count { rgb, index: &index, counts: row });
            return;
        }
        let sum = rgb
            .par_chunks(3 * TASK)
            .map(|part| {
                let mut partial = vec![0; row.len()];
                arch.dispatch(Count { rgb: part, index: &index, counts: &mut partial });
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
    counts: &'a mut [u32],
}

impl WithSimd for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        count(self.rgb, self.index, self.counts);
    }
}

/// Adds the pixels of `rgb` to `counts`.
#[inline(always)]
fn count(rgb: &[u8], index: &BinIndex, counts: &mut [u32]) {
    let len = counts.len();
    // Private copies of a histogram larger than the cache would cost more than the conflicts they avoid.
    let copies = if len <= 4096 { PRIVATE } else { 1 };
    let mut private = vec![0u32; (copies - 1) * len];
    let mut block = Block::new();
    for pixels in rgb.chunks(3 * BLOCK) {
        let n = pixels.len() / 3;
        block.load(pixels);
        match index {
            BinIndex::Multiply(channels) => block.bins(
                #[inline(always)]
                |x, channel| {
                    let (factor, stride) = channels[channel];
                    ((x * factor) >> SHIFT) * stride
                },
            ),
            BinIndex::Lookup(tables) => block.bins(
                #[inline(always)]
                |x, channel| tables[channel][x as usize & 255],
            ),
        }
        let found = &block.bin[..n];
        if copies == 1 {
            found.iter().for_each(|&bin| counts[bin as usize] += 1);
            continue;
        }
        let (second, rest) = private.split_at_mut(len);
        let (third, fourth) = rest.split_at_mut(len);
        let mut fours = found.chunks_exact(PRIVATE);
        for four in &mut fours {
            counts[four[0] as usize] += 1;
            second[four[1] as usize] += 1;
            third[four[2] as usize] += 1;
            fourth[four[3] as usize] += 1;
        }
        fours.remainder().iter().for_each(|&bin| counts[bin as usize] += 1);
    }
    for copy in private.chunks_exact(len) {
        counts.iter_mut().zip(copy).for_each(|(sum, part)| *sum += part);
    }
}

struct Block {
    red: [u8; BLOCK],
    green: [u8; BLOCK],
    blue: [u8; BLOCK],
    bin: [u16; BLOCK],
}

impl Block {
    fn new() -> Self {
        Self { red: [0; BLOCK], green: [0; BLOCK], blue: [0; BLOCK], bin: [0; BLOCK] }
    }

    /// Takes up to `BLOCK` pixels apart into channels. What a shorter block leaves behind is never counted.
    #[inline(always)]
    fn load(&mut self, pixels: &[u8]) {
        let channels = self.red.iter_mut().zip(&mut self.green).zip(&mut self.blue);
        for (((r, g), b), pixel) in channels.zip(pixels.chunks_exact(3)) {
            *r = pixel[0];
            *g = pixel[1];
            *b = pixel[2];
        }
    }

    /// Bin of every pixel in the block.
    #[inline(always)]
    fn bins(&mut self, bin: impl Fn(u32, usize) -> u32) {
        let colours = self.red.iter().zip(&self.green).zip(&self.blue);
        for (((&r, &g), &b), out) in colours.zip(&mut self.bin) {
            let (h, s, v) = hsv(i32::from(r), i32::from(g), i32::from(b));
            *out = (bin(h as u32, 0) + bin(s as u32, 1) + bin(v as u32, 2)) as u16;
        }
    }
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
}
