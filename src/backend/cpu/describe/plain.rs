//! **describe** in plain loops, which become vectors of whatever the processor has, because everything is inlined into one
//! function.
//!
//! OpenCV's two reciprocal tables are computed, not looked up: an f32 division rounded to even gives each of
//! their 255 entries exactly, and a table of bins becomes one multiplication and shift. Both facts are tested
//! over every value, so that the whole colour conversion is arithmetic that the compiler turns into vectors.

use pulp::{Simd, WithSimd};

use super::copies::add;
use super::index::{BinIndex, SHIFT};
use super::{Count, REACH};

/// Pixels that become bins in one step, while those of the step before are counted: one run of instructions without a
/// branch, so that the processor does both at once.
const BLOCK: usize = 64;

impl WithSimd for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { rgb, index, copies, scratch } = self;
        let (offset, private) = (&copies.offset(), &mut scratch.private);
        match index {
            BinIndex::Multiply(channels) => count(
                rgb,
                offset,
                private,
                #[inline(always)]
                |x, channel| {
                    let (factor, stride) = channels[channel];
                    ((x * factor) >> SHIFT) * stride
                },
            ),
            BinIndex::Lookup(tables) => count(
                rgb,
                offset,
                private,
                #[inline(always)]
                |x, channel| tables[channel][x as usize & 255],
            ),
        }
    }
}

/// Adds the pixels of `rgb` to `private`: pixel `i` of a block counts at its bin + `offset[i]`.
#[inline(always)]
fn count(rgb: &[u8], offset: &[u16; BLOCK], private: &mut [u32; REACH], bin: impl Fn(u32, usize) -> u32) {
    let (blocks, rest) = rgb.as_chunks::<{ 3 * BLOCK }>();
    if let Some((first, blocks)) = blocks.split_first() {
        let mut before = bins(first, offset, &bin);
        for pixels in blocks {
            let now = bins(pixels, offset, &bin);
            add(private, &before);
            before = now;
        }
        add(private, &before);
    }
    if !rest.is_empty() {
        let mut pixels = [0; 3 * BLOCK];
        pixels[..rest.len()].copy_from_slice(rest);
        add(private, &bins(&pixels, offset, &bin)[..rest.len() / 3]);
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
}
