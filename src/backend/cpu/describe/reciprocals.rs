//! OpenCV's reciprocals in 15 bits, for `avx512`.

use std::sync::LazyLock;

use crate::backend::reciprocals;

/// A table of 256 bytes.
pub(super) type Table = [[u8; 64]; 4];

/// OpenCV's reciprocals, so that `vpmulhrsw`, which gives `(a·b + 2¹⁴) >> 15`, gives its `(x·reciprocal + 2¹¹) >> 12`: the
/// other factor is 8·x, and more where a reciprocal is too long for 15 bits and is divided by as much.
#[repr(align(64))]
pub(super) struct Reciprocals {
    /// Of the range, for hue; up to 3 divided by 8. Lower bytes, upper bytes.
    pub(super) hue: [Table; 2],
    /// Of the value, for saturation; up to 31 divided by a power of two. Lower bytes, upper bytes.
    pub(super) saturation: [Table; 2],
    /// By how many bits the range is shifted for a saturation of this value: 3, and more up to 31.
    pub(super) shift: [u8; 64],
}

/// What `vpmulhrsw` needs in the factor beside a whole reciprocal: 2¹⁵⁻¹² = 8 times the number, so many zero bits behind it.
pub(super) const SCALE: u32 = 3;
/// Ranges below this have reciprocals for hue of more than 15 bits, and are divided by 2 to the power of `SMALL_SCALE`.
pub(super) const SMALL_RANGE: i16 = 4;
pub(super) const SMALL_SCALE: u32 = 3;

impl Reciprocals {
    fn new() -> Self {
        let [saturation, hue] = reciprocals();
        let mut found =
            Self { hue: [[[0; 64]; 4]; 2], saturation: [[[0; 64]; 4]; 2], shift: [SCALE as u8; 64] };
        let put = |[lower, upper]: &mut [Table; 2], x: usize, reciprocal: u32| {
            let [low, high] = i16::try_from(reciprocal).expect("no longer than 15 bits").to_le_bytes();
            (lower[x / 64][x % 64], upper[x / 64][x % 64]) = (low, high);
        };
        for x in 1..256 {
            put(&mut found.hue, x, if x < SMALL_RANGE as usize { hue[x] >> SMALL_SCALE } else { hue[x] });
            let exact = saturation[x];
            let shorter = (0..).find(|&bits| exact >> bits < 1 << 15).expect("32 bits end");
            // A bit that is lost may matter: then the next number gives the same saturations as the whole one.
            let same = |&short: &u32| {
                (0..=x as u32).all(|range| {
                    let product = (range << (SCALE + shorter)) * short;
                    (product + (1 << 14)) >> 15 == (range * exact + (1 << 11)) >> 12
                })
            };
            let short = exact >> shorter;
            let short = (short..short + 2).find(same).expect("one of the two fits");
            put(&mut found.saturation, x, short);
            found.shift[x.min(63)] = (SCALE + shorter) as u8;
        }
        found
    }
}

pub(super) static RECIPROCALS: LazyLock<Reciprocals> = LazyLock::new(Reciprocals::new);

#[cfg(test)]
mod tests {
    use super::*;

    /// `vpmulhrsw` of one lane.
    fn rounded(a: i32, b: i32) -> i32 {
        assert!(i16::try_from(a).is_ok() && i16::try_from(b).is_ok(), "{a} and {b} are words");
        (a * b + (1 << 14)) >> 15
    }

    #[test]
    fn shortened_reciprocals_give_every_saturation_and_hue() {
        let [saturation, hue] = reciprocals();
        let found = Reciprocals::new();
        let entry = |[lower, upper]: &[Table; 2], x: usize| {
            i32::from(i16::from_le_bytes([lower[x / 64][x % 64], upper[x / 64][x % 64]]))
        };
        for (value, &reciprocal) in saturation.iter().enumerate() {
            let shift = found.shift[value.min(63)];
            for range in 0..=value as i32 {
                let exact = (range * reciprocal as i32 + 2048) >> 12;
                assert_eq!(
                    rounded(range << shift, entry(&found.saturation, value)),
                    exact,
                    "{range}/{value}"
                );
            }
        }
        for range in 0..256i32 {
            let scale = SCALE + if range < i32::from(SMALL_RANGE) { SMALL_SCALE } else { 0 };
            for sextant in -range..=5 * range {
                let exact = (sextant * hue[range as usize] as i32 + 2048) >> 12;
                let here = rounded(sextant << scale, entry(&found.hue, range as usize));
                assert_eq!(here, exact, "{sextant}/{range}");
            }
        }
    }
}
