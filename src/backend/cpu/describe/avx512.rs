//! **describe** in AVX-512's own instructions, with those for bytes (VBMI, VBMI2: Intel's servers from Ice Lake on, AMD's
//! processors from Zen 4 on). A table of 256 bytes lies in four vectors and is looked up for 64 pixels at a time, so OpenCV's
//! reciprocals are looked up as OpenCV does it, in halves; a product of 16-bit numbers that is rounded as it is shifted (`vpmulhrsw`)
//! then gives hue and saturation as they are. The starts of runs of equal bins are gathered by an instruction made for that.
//!
//! A stretch of pixels goes through one stage after the other, so that each is a loop short enough for the processor to look
//! several blocks ahead; in one loop a block waits for its own results (`benches/results/2026-11-23-avx512-describe.txt`).

use std::arch::x86_64::{
    __m512i, _mm512_add_epi16, _mm512_cmpeq_epu8_mask, _mm512_cmplt_epu16_mask, _mm512_cmpneq_epu16_mask,
    _mm512_maddubs_epi16, _mm512_mask_blend_epi8, _mm512_mask_permutexvar_epi8, _mm512_mask_slli_epi16,
    _mm512_maskz_compress_epi16, _mm512_max_epu8, _mm512_min_epu8, _mm512_min_epu16, _mm512_movepi8_mask,
    _mm512_mulhi_epu16, _mm512_mulhrs_epi16, _mm512_mullo_epi16, _mm512_permutex2var_epi8,
    _mm512_permutex2var_epi16, _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi16,
    _mm512_setzero_si512, _mm512_sllv_epi16, _mm512_sub_epi8, _mm512_unpackhi_epi8, _mm512_unpacklo_epi8,
};
use std::hint::black_box;

use bytemuck::cast;

use super::REACH;
use super::index::Factors;
use super::reciprocals::{RECIPROCALS, Reciprocals, SCALE, SMALL_RANGE, SMALL_SCALE, Table};
use super::runs::{AT_ONCE, Runs, STRETCH};
use crate::backend::cpu::tile::prefetch;

/// Pixels of one step: 3·64 bytes are three vectors.
const BLOCK: usize = 64;
/// Pixels of half of a block, as words.
const HALF: usize = 32;
/// Bytes that come into a cache together.
const LINE: usize = 64;

/// Where the bytes of a channel lie: `[p]` is where byte `p` of its vector is read from, in three vectors of pixels. Interleaving
/// the bytes of two vectors by halves (`vpunpcklbw`, `vpunpckhbw`) then gives the pixels in order.
const fn places(channel: usize) -> [u8; 64] {
    let mut places = [0; 64];
    let mut p = 0;
    while p < 64 {
        let (lane, byte) = (p / 16, p % 16);
        let pixel = 8 * lane + byte % 8 + HALF * (byte / 8);
        places[p] = (3 * pixel + channel) as u8;
        p += 1;
    }
    places
}

/// Those of `places` that lie in the third of the vectors.
const fn third(places: &[u8; 64]) -> u64 {
    let (mut mask, mut p) = (0, 0);
    while p < 64 {
        mask |= ((places[p] >= 128) as u64) << p;
        p += 1;
    }
    mask
}

const PLACES: [[u8; 64]; 3] = [places(0), places(1), places(2)];
const THIRD: [u64; 3] = [third(&PLACES[0]), third(&PLACES[1]), third(&PLACES[2])];

/// 0, 1, 2, …
const UPWARDS: [u16; HALF] = upwards(0);
/// Of two vectors the last word of the first, and all but the last of the second.
const ONE_BACK: [u16; HALF] = upwards(HALF as u16 - 1);

const fn upwards(from: u16) -> [u16; HALF] {
    let mut words = [0; HALF];
    let mut i = 0;
    while i < HALF {
        words[i] = from + i as u16;
        i += 1;
    }
    words
}

/// What becomes of a block of pixels in the first stage. Bytes lie as [`places`] puts them, words in order.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Halfway {
    /// The largest of the channels.
    value: [u8; BLOCK],
    /// Largest less smallest.
    range: [u8; BLOCK],
    /// Hue in sixths of a turn, times the range, times 8 (64 where the range is small).
    sextant: [[u16; HALF]; 2],
}

/// Adds the pixels of `rgb` to `private`: pixel `i` of half a block counts at its bin + `offset[i]`. False, and nothing done,
/// where this processor lacks the instructions.
pub(super) fn try_count(
    rgb: &[u8],
    factors: &Factors<HALF>,
    offset: &[u16; HALF],
    runs: &mut Runs,
    private: &mut [u32; REACH],
) -> bool {
    // AVX-512 implies the first three, as far as the compiler is concerned.
    let offered = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("popcnt");
    if offered {
        // SAFETY: the processor has all that `count` is compiled for, as was just seen.
        #[allow(unsafe_code)]
        unsafe {
            count(rgb, factors, offset, runs, private);
        }
    }
    offered
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn count(
    rgb: &[u8],
    factors: &Factors<HALF>,
    offset: &[u16; HALF],
    runs: &mut Runs,
    private: &mut [u32; REACH],
) {
    let reciprocals = &*RECIPROCALS;
    let mut halfway =
        [Halfway { value: [0; BLOCK], range: [0; BLOCK], sextant: [[0; HALF]; 2] }; STRETCH / BLOCK];
    let mut stretch = |blocks: &[[u8; 3 * BLOCK]], private: &mut [u32; REACH]| {
        for (pixels, to) in blocks.iter().zip(&mut halfway) {
            *to = sextants(pixels);
        }
        let next = blocks.as_ptr_range().end.cast();
        let found = bins(&halfway[..blocks.len()], reciprocals, factors, offset, runs, next);
        runs.count(found, BLOCK * blocks.len(), private);
    };
    let (blocks, rest) = rgb.as_chunks::<{ 3 * BLOCK }>();
    for blocks in blocks.chunks(STRETCH / BLOCK) {
        stretch(blocks, private);
    }
    if !rest.is_empty() {
        // Pixels that only fill the block are black, and are taken off bin 0 again. That may wrap in this copy; the sum of the
        // copies wraps back.
        let mut pixels = [0; 3 * BLOCK];
        pixels[..rest.len()].copy_from_slice(rest);
        stretch(&[pixels], private);
        private[0] = private[0].wrapping_sub((BLOCK - rest.len() / 3) as u32);
    }
}

/// The first stage: everything that needs the channels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn sextants(pixels: &[u8; 3 * BLOCK]) -> Halfway {
    let (parts, _) = pixels.as_chunks::<64>();
    let [first, second, third]: [__m512i; 3] = [cast(parts[0]), cast(parts[1]), cast(parts[2])];
    let channel = |c: usize| {
        let places = cast(PLACES[c]);
        let two = _mm512_permutex2var_epi8(first, places, second);
        _mm512_mask_permutexvar_epi8(two, THIRD[c], places, third)
    };
    let (red, green, blue) = (channel(0), channel(1), channel(2));
    let value = _mm512_max_epu8(_mm512_max_epu8(red, green), blue);
    let least = _mm512_min_epu8(_mm512_min_epu8(red, green), blue);
    let range = _mm512_sub_epi8(value, least);
    // sextant = left − right + turns·range
    let (is_red, is_green) = (_mm512_cmpeq_epu8_mask(value, red), _mm512_cmpeq_epu8_mask(value, green));
    let select = |r, g, b| _mm512_mask_blend_epi8(is_red, _mm512_mask_blend_epi8(is_green, b, g), r);
    let zero = _mm512_setzero_si512();
    let both = words(select(green, blue, red), select(blue, red, green));
    let turns = words(select(zero, _mm512_set1_epi8(2 << SCALE), _mm512_set1_epi8(4 << SCALE)), zero);
    let ranges = words(range, zero);
    let sextant = |i: usize| {
        let difference = _mm512_maddubs_epi16(
            both[i],
            _mm512_set1_epi16(i16::from_le_bytes([1 << SCALE, (1u8 << SCALE).wrapping_neg()])),
        );
        let sextant = _mm512_add_epi16(difference, _mm512_mullo_epi16(turns[i], ranges[i]));
        let small = _mm512_cmplt_epu16_mask(ranges[i], _mm512_set1_epi16(SMALL_RANGE));
        _mm512_mask_slli_epi16::<SMALL_SCALE>(sextant, small, sextant)
    };
    Halfway { value: cast(value), range: cast(range), sextant: [cast(sextant(0)), cast(sextant(1))] }
}

/// The second stage: where each pixel is counted, and where runs start. Returns how many. Meanwhile the stretch that lies at
/// `next`, if one does, comes into the nearest cache: the first stage takes it faster than the processor would fetch it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn bins(
    blocks: &[Halfway],
    reciprocals: &Reciprocals,
    factors: &Factors<HALF>,
    offset: &[u16; HALF],
    runs: &mut Runs,
    next: *const u8,
) -> usize {
    let (to, _) = runs.bins.as_chunks_mut::<HALF>();
    let (mut found, mut pixels, mut before) = (0, cast(UPWARDS), _mm512_setzero_si512());
    // The first pixel starts a run, whatever its bin.
    let mut first = 1;
    for (i, (block, to)) in blocks.iter().zip(to.as_chunks_mut::<2>().0).enumerate() {
        for line in 3 * i..3 * (i + 1) {
            prefetch::<true, _>(next.wrapping_add(LINE * line));
        }
        for (bins, to) in block_bins(block, reciprocals, factors).into_iter().zip(to) {
            let one_back = _mm512_permutex2var_epi16(before, cast(ONE_BACK), bins);
            let starts = _mm512_cmpneq_epu16_mask(bins, one_back) | first;
            // It is always below; this only spares a check of bounds.
            let room = found % STRETCH;
            let gathered: [u16; AT_ONCE] = cast(_mm512_maskz_compress_epi16(starts, pixels));
            runs.starts[room..room + AT_ONCE].copy_from_slice(&gathered);
            found += starts.count_ones() as usize;
            *to = cast(_mm512_add_epi16(bins, cast(*offset)));
            pixels = _mm512_add_epi16(pixels, _mm512_set1_epi16(HALF as i16));
            (before, first) = (bins, 0);
        }
    }
    found
}

/// The bins of the lower and of the upper half of a block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn block_bins(pixels: &Halfway, reciprocals: &Reciprocals, factors: &Factors<HALF>) -> [__m512i; 2] {
    let zero = _mm512_setzero_si512();
    let (value, range): (__m512i, __m512i) = (cast(pixels.value), cast(pixels.range));
    let hue = look_up(&reciprocals.hue, range);
    let saturation = look_up(&reciprocals.saturation, value);
    let shift =
        _mm512_permutexvar_epi8(_mm512_min_epu8(value, _mm512_set1_epi8(63)), cast(reciprocals.shift));
    let (shift, value, range) = (words(shift, zero), words(value, zero), words(range, zero));
    // Read again for every block: a factor that the compiler knows to stay the same it widens once, and then multiplies in 32 bits.
    let factors = black_box(factors);
    let half = |i: usize| {
        let hue = _mm512_mulhrs_epi16(cast(pixels.sextant[i]), hue[i]);
        // Below 0 it is a large number without a sign.
        let hue = _mm512_min_epu16(hue, _mm512_add_epi16(hue, _mm512_set1_epi16(180)));
        let saturation = _mm512_mulhrs_epi16(_mm512_sllv_epi16(range[i], shift[i]), saturation[i]);
        let bin = |x, channel: usize| _mm512_mulhi_epu16(x, cast(factors.factors[channel]));
        let hue = _mm512_mullo_epi16(bin(hue, 0), cast(factors.strides[0]));
        let saturation = _mm512_mullo_epi16(bin(saturation, 1), cast(factors.strides[1]));
        _mm512_add_epi16(_mm512_add_epi16(hue, saturation), bin(value[i], 2))
    };
    [half(0), half(1)]
}

/// Words of the bytes of `lower` and `upper`: those of the lower and of the upper half of the block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn words(lower: __m512i, upper: __m512i) -> [__m512i; 2] {
    [_mm512_unpacklo_epi8(lower, upper), _mm512_unpackhi_epi8(lower, upper)]
}

/// For each byte of `x`, its entry in the table as a word.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn look_up(tables: &[Table; 2], x: __m512i) -> [__m512i; 2] {
    let upper_half = _mm512_movepi8_mask(x);
    let byte = |table: &Table| {
        let below = _mm512_permutex2var_epi8(cast(table[0]), x, cast(table[1]));
        let above = _mm512_permutex2var_epi8(cast(table[2]), x, cast(table[3]));
        _mm512_mask_blend_epi8(upper_half, below, above)
    };
    words(byte(&tables[0]), byte(&tables[1]))
}
