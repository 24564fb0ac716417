//! Exponential and logarithm as plain arithmetic without branches, so that loops over them become vectors.
//! Polynomials of the Cephes library (`expf.c`, `logf.c`; Moshier), each within 2 ULP where it is used here.

#![allow(clippy::excessive_precision)] // constants as Cephes writes them

/// eˣ for x ≤ 0; below −87.3 (where the result would be subnormal) 0. NaN stays NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LEAST: f32 = -87.336_54;
    // ln 2 in two parts: n·HIGH is exact for every n that occurs.
    const HIGH: f32 = 355.0 / 512.0;
    const LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let bounded = if x < LEAST { LEAST } else { x };
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (bounded - n * HIGH) - n * LOW;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5.0e-1] {
        p = p * r + c;
    }
    let power = p * r * r + r + 1.0;
    let two_to_n = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    if x < LEAST { 0.0 } else { power * two_to_n }
}

/// ln x for a normal x > 0; for a NaN, NaN.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    const HALF_ROOT: u32 = 0x3f35_04f3; // √½
    // x = m·2ᵉ with √½ ≤ m < √2.
    let shifted = x.to_bits().wrapping_sub(HALF_ROOT);
    let e = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(HALF_ROOT));
    let f = m - 1.0;
    let mut p = 7.037_683_6e-2;
    for c in [
        -1.151_461e-1,
        1.167_699_8e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_7e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        0.333_333_3,
    ] {
        p = p * f + c;
    }
    let z = f * f;
    let mut y = p * f * z;
    y += e * -2.121_944_4e-4;
    y -= 0.5 * z;
    let value = (f + y) + e * (355.0 / 512.0);
    if x.is_nan() { x } else { value }
}

/// ln(1 + x) for 0 ≤ x ≤ 1, relatively exact down to the smallest x, where 1 + x would have forgotten it: 2·artanh(r) with
/// r = x/(2 + x) ≤ 1/3, as eight terms of its power series; what they leave out is below 2⁻²⁹ of the result.
/// For a NaN, NaN.
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let r = x / (2.0 + x);
    let z = r * r;
    let mut p = 1.0 / 15.0;
    for c in [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        p = p * z + c;
    }
    2.0 * r * p
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units of the last place of the f32 nearest to `expected`.
    fn ulps(got: f32, expected: f64) -> f64 {
        let ulp = 2f64.powi((expected.abs().log2().floor() as i32).max(-126) - 23);
        (f64::from(got) - expected).abs() / ulp
    }

    #[test]
    fn exp_is_within_two_ulp_wherever_scores_can_be() {
        let mut worst = 0.0f64;
        for i in 0..4_000_000u32 {
            let x = -(i as f32) * (87.3 / 4e6);
            worst = worst.max(ulps(exp(x), f64::from(x).exp()));
        }
        assert!(worst < 2.0, "{worst}");
        assert_eq!((exp(0.0), exp(-0.0)), (1.0, 1.0));
        assert_eq!((exp(-88.0), exp(-2000.0), exp(f32::NEG_INFINITY)), (0.0, 0.0, 0.0));
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn ln_1p_is_within_three_ulp_of_its_whole_range() {
        let mut worst = 0.0f64;
        for i in 1..2_000_000u32 {
            let x = i as f32 / 2e6;
            for x in [x, x.powi(4)] {
                worst = worst.max(ulps(ln_1p(x), f64::from(x).ln_1p()));
            }
        }
        assert!(worst < 3.0, "{worst}");
        assert_eq!((ln_1p(0.0), ln_1p(1e-30)), (0.0, 1e-30));
        assert!(ln_1p(f32::NAN).is_nan());
    }

    #[test]
    fn ln_is_within_the_bound_of_every_sum() {
        let (mut near, mut far) = (0.0f64, 0.0f64);
        for i in 0..4_000_000u32 {
            let x = 1.0 + (i as f32) * (4096.0 / 4e6);
            let expected = f64::from(x).ln();
            if x <= 2.0 {
                near = near.max((f64::from(ln(x)) - expected).abs());
            } else {
                far = far.max(ulps(ln(x), expected));
            }
        }
        assert!(near < 2f64.powi(-23) && far < 2.0, "{near:e} {far}");
        assert_eq!(ln(1.0), 0.0);
        assert!(ln(f32::NAN).is_nan());
    }
}
