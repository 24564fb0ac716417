//! **describe** in AVX2's own instructions, where the compiler's vectors fall short: it widens every byte to 32 bits and back
//! in order, and order means nothing to a histogram. Here bytes stay bytes as long as they fit, pixels are taken as the
//! instructions leave them, and one division gives both of OpenCV's reciprocals. What a block of pixels goes through is
//! divided into three stages, and one run of instructions takes three blocks one stage further: a single block would wait for
//! its own results longer than the processor looks ahead (`benches/results/2026-11-23-avx2-copies-and-stages.txt`).

use std::arch::x86_64::{__m128i, __m256, __m256i};
use std::hint::black_box;

use bytemuck::cast;
use pulp::NullaryFnOnce;
use pulp::x86::V3;

use super::REACH;
use super::copies::add;
use super::index::Factors;

/// Pixels of one step: 3·32 bytes are three vectors.
const BLOCK: usize = 32;

/// Adds the pixels of `rgb` to `private`: pixel `i` of half a block counts at its bin + `offset[i]`.
pub(super) struct Count<'a> {
    pub(super) simd: V3,
    pub(super) rgb: &'a [u8],
    pub(super) factors: &'a Factors<16>,
    pub(super) offset: &'a [u16; 16],
    pub(super) private: &'a mut [u32; REACH],
}

impl NullaryFnOnce for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, rgb, factors, offset, private } = self;
        let (blocks, rest) = rgb.as_chunks::<{ 3 * BLOCK }>();
        if let Some((first, blocks)) = blocks.split_first() {
            // Between the stages blocks wait in memory, of which the compiler does not know that it could hold them in vectors:
            // it would mix the stages again, and words are dearer to take out of vectors than to load.
            let mut halfway = [sextants(simd, first); 2];
            let mut turn = 0;
            if let Some((second, blocks)) = blocks.split_first() {
                halfway[1] = sextants(simd, second);
                let mut held = [bins(simd, &halfway[0], factors, offset); 2];
                turn = 1;
                for pixels in blocks {
                    halfway[1 - turn] = sextants(simd, pixels);
                    held[1 - turn] = bins(simd, &black_box(&halfway)[turn], factors, offset);
                    add(private, black_box(&held)[turn].as_flattened());
                    turn = 1 - turn;
                }
                add(private, held[turn].as_flattened());
            }
            add(private, bins(simd, &halfway[turn], factors, offset).as_flattened());
        }
        if !rest.is_empty() {
            // Pixels do not keep their places: those that only fill the block are black, and are taken off bin 0 again. That may
            // wrap in this copy; the sum of the copies wraps back.
            let mut pixels = [0; 3 * BLOCK];
            pixels[..rest.len()].copy_from_slice(rest);
            add(private, bins(simd, &sextants(simd, &pixels), factors, offset).as_flattened());
            private[0] = private[0].wrapping_sub((BLOCK - rest.len() / 3) as u32);
        }
    }
}

/// Numbers of the conversion, eight times each: read from memory they are an operand, and not an instruction of their own.
struct Numbers {
    tiny: [f32; 8],
    s_scale: [f32; 8],
    h_scale: [f32; 8],
    s_round: [f32; 8],
    h_round: [f32; 8],
    half: [f32; 8],
    turn: [f32; 8],
}

/// Sextants are read with 16 zero bits behind them.
const HUE: f32 = 65536.0;

const NUMBERS: Numbers = Numbers {
    // Black and grey divide by this in place of 0, and their result is multiplied by 0.
    tiny: [1e-30; 8],
    s_scale: [255.0; 8],
    h_scale: [30.0 / 255.0 / HUE; 8],
    // Added and taken off again, 1.5·2¹¹ rounds to multiples of 1/4096, as OpenCV's tables are.
    s_round: [3072.0; 8],
    h_round: [3072.0 / HUE; 8],
    half: [0.5; 8],
    turn: [180.0; 8],
};

/// What becomes of a block of pixels in the first stage; the pixels in some order, the same in all.
#[repr(align(32))]
#[derive(Clone, Copy)]
struct Halfway {
    /// The largest of the channels.
    value: [u8; BLOCK],
    /// Largest less smallest.
    range: [u8; BLOCK],
    /// Hue in sixths of a turn, times the range; of the lower and of the upper eight pixels of each half.
    sextant: [[u16; 16]; 2],
}

/// The lower and the upper eight bytes of each half, as words.
#[inline(always)]
fn words(simd: V3, bytes: __m256i) -> [__m256i; 2] {
    let zero = cast([0u8; 32]);
    [simd.avx2._mm256_unpacklo_epi8(bytes, zero), simd.avx2._mm256_unpackhi_epi8(bytes, zero)]
}

/// The first stage: everything that bytes and words hold.
#[inline(always)]
fn sextants(simd: V3, pixels: &[u8; 3 * BLOCK]) -> Halfway {
    let V3 { avx2, .. } = simd;
    let [red, green, blue] = channels(simd, pixels);
    let value = avx2._mm256_max_epu8(avx2._mm256_max_epu8(red, green), blue);
    let least = avx2._mm256_min_epu8(avx2._mm256_min_epu8(red, green), blue);
    let range = avx2._mm256_sub_epi8(value, least);
    // sextant = left − right + turns·range
    let (is_red, is_green) = (avx2._mm256_cmpeq_epi8(value, red), avx2._mm256_cmpeq_epi8(value, green));
    let select = |r, g, b| avx2._mm256_blendv_epi8(avx2._mm256_blendv_epi8(b, g, is_green), r, is_red);
    let left = words(simd, select(green, blue, red));
    let right = words(simd, select(blue, red, green));
    let turns = words(simd, select(cast([0u8; 32]), cast([2u8; 32]), cast([4u8; 32])));
    let ranges = words(simd, range);
    let sextant = |i: usize| {
        let turned = avx2._mm256_mullo_epi16(turns[i], ranges[i]);
        avx2._mm256_add_epi16(avx2._mm256_sub_epi16(left[i], right[i]), turned)
    };
    Halfway { value: cast(value), range: cast(range), sextant: [cast(sextant(0)), cast(sextant(1))] }
}

/// The second stage: where each of the pixels is counted, in no order. Counting is the third.
#[inline(always)]
fn bins(simd: V3, pixels: &Halfway, factors: &Factors<16>, offset: &[u16; 16]) -> [[u16; 16]; 2] {
    // Read again for every block: a factor that the compiler knows to stay the same it widens once, and then multiplies in 32 bits.
    let (factors, numbers) = black_box((factors, &NUMBERS));
    let (value, range) = (words(simd, cast(pixels.value)), words(simd, cast(pixels.range)));
    [
        sixteen(simd, [value[0], range[0], cast(pixels.sextant[0])], factors, numbers, offset),
        sixteen(simd, [value[1], range[1], cast(pixels.sextant[1])], factors, numbers, offset),
    ]
}

/// The same of sixteen pixels, in words.
#[inline(always)]
fn sixteen(
    simd: V3,
    [value, range, sextant]: [__m256i; 3],
    factors: &Factors<16>,
    numbers: &Numbers,
    offset: &[u16; 16],
) -> [u16; 16] {
    let V3 { avx2, .. } = simd;
    let zero: __m256i = cast([0u8; 32]);
    let (h0, s0) = eight(
        simd,
        avx2._mm256_unpacklo_epi16(value, zero),
        avx2._mm256_unpacklo_epi16(range, zero),
        avx2._mm256_unpacklo_epi16(zero, sextant),
        numbers,
    );
    let (h1, s1) = eight(
        simd,
        avx2._mm256_unpackhi_epi16(value, zero),
        avx2._mm256_unpackhi_epi16(range, zero),
        avx2._mm256_unpackhi_epi16(zero, sextant),
        numbers,
    );
    let (hue, saturation) = (avx2._mm256_packs_epi32(h0, h1), avx2._mm256_packs_epi32(s0, s1));
    let bin = |x, factor: [u16; 16]| avx2._mm256_mulhi_epu16(x, cast(factor));
    let hue = avx2._mm256_mullo_epi16(bin(hue, factors.factors[0]), cast(factors.strides[0]));
    let saturation = avx2._mm256_mullo_epi16(bin(saturation, factors.factors[1]), cast(factors.strides[1]));
    let value = avx2._mm256_add_epi16(bin(value, factors.factors[2]), cast(*offset));
    cast(avx2._mm256_add_epi16(avx2._mm256_add_epi16(hue, saturation), value))
}

/// Hue and saturation of eight pixels, of which `sextant` is the upper half of its 32 bits.
#[inline(always)]
fn eight(
    simd: V3,
    value: __m256i,
    range: __m256i,
    sextant: __m256i,
    numbers: &Numbers,
) -> (__m256i, __m256i) {
    let V3 { avx, fma, .. } = simd;
    let of = |numbers: [f32; 8]| -> __m256 { cast(numbers) };
    let (value, range) = (avx._mm256_cvtepi32_ps(value), avx._mm256_cvtepi32_ps(range));
    let sextant = avx._mm256_cvtepi32_ps(sextant);
    // 255/(value·range): times the range it is 255/value, times the value 255/range.
    let product = fma._mm256_fmadd_ps(value, range, of(numbers.tiny));
    let both = avx._mm256_div_ps(of(numbers.s_scale), product);
    let s = fma._mm256_fmadd_ps(both, range, of(numbers.s_round));
    let s = avx._mm256_sub_ps(s, of(numbers.s_round));
    let s = fma._mm256_fmadd_ps(s, range, of(numbers.half));
    let h = avx._mm256_mul_ps(both, value);
    let h = fma._mm256_fmadd_ps(h, of(numbers.h_scale), of(numbers.h_round));
    let h = avx._mm256_sub_ps(h, of(numbers.h_round));
    let h = fma._mm256_fmadd_ps(h, sextant, of(numbers.half));
    // Chosen by the sign.
    let h = avx._mm256_blendv_ps(h, avx._mm256_add_ps(h, of(numbers.turn)), h);
    (avx._mm256_cvttps_epi32(h), avx._mm256_cvttps_epi32(s))
}

/// Red, green and blue of 32 pixels; the pixels of each half in the same, some, order.
#[inline(always)]
fn channels(simd: V3, pixels: &[u8; 3 * BLOCK]) -> [__m256i; 3] {
    let V3 { avx, avx2, .. } = simd;
    // Every third byte from 0, then from 2, then from 1.
    const THIRDS: [u8; 16] = [0, 3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13];
    const MIDDLE: [u8; 16] = [0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0];
    const LAST: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255];
    let twice = |bytes: [u8; 16]| avx2._mm256_broadcastsi128_si256(cast::<_, __m128i>(bytes));
    let (parts, _) = pixels.as_chunks::<16>();
    // 16 pixels in each half.
    let read = |i: usize| {
        let both =
            avx2._mm256_inserti128_si256::<1>(avx._mm256_castsi128_si256(cast(parts[i])), cast(parts[i + 3]));
        avx2._mm256_shuffle_epi8(both, twice(THIRDS))
    };
    // Each holds six bytes of one channel, five of another, five of the third.
    let (a, b, c) = (read(0), read(1), read(2));
    let of = |first, middle, last| {
        let some = avx2._mm256_blendv_epi8(first, middle, twice(MIDDLE));
        avx2._mm256_blendv_epi8(some, last, twice(LAST))
    };
    let (red, green, blue) = (of(a, b, c), of(b, c, a), of(c, a, b));
    [red, avx2._mm256_alignr_epi8::<11>(green, green), avx2._mm256_alignr_epi8::<6>(blue, blue)]
}
