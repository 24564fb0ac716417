//! The two products that training is made of, in vector registers: rows by weights, and residuals by rows.

// Indices of tiles, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

/// Rows of a tile of [`dots`].
pub(super) const ROWS: usize = 4;
/// Outputs of a tile, of both products. 4 × 5 sums, 4 rows and a weight fill the registers of AVX-512 without spilling.
pub(super) const OUTPUTS: usize = 5;
/// Numbers of a cache line.
const LINE: usize = 16;

/// Runs `$body` with the constant `$tile` as each tile of outputs, and `$k` its first: full ones, then what is left.
macro_rules! output_tiles {
    ($outputs:expr, $k:ident, $tile:ident => $body:expr) => {{
        let outputs = $outputs;
        let mut $k = 0;
        while $k < outputs {
            macro_rules! with {
                ($n:literal) => {{
                    const $tile: usize = $n;
                    $body
                }};
            }
            match outputs - $k {
                1 => with!(1),
                2 => with!(2),
                3 => with!(3),
                4 => with!(4),
                _ => with!(5),
            }
            $k += $crate::backend::cpu::tile::OUTPUTS;
        }
    }};
}
pub(super) use output_tiles;

/// Dot products of O weight rows with four rows.
///
/// Loops instead of `map`, here and below: a closure is compiled without the vector instructions of the function around
/// it, and where it is not inlined every vector goes through memory.
#[inline(always)]
pub(super) fn dots<S: Simd, const O: usize>(simd: S, x: [&[f32]; ROWS], w: [&[f32]; O]) -> [[f32; ROWS]; O] {
    let mut sums = [[simd.splat_f32s(0.0); O]; ROWS];
    if S::F32_LANES == 8 {
        // The registers of AVX2 hold the sums of two rows.
        let [a, b, c, d] = x;
        [sums[0], sums[1]] = products(simd, [a, b], w);
        [sums[2], sums[3]] = products(simd, [c, d], w);
    } else {
        sums = products(simd, x, w);
    }
    let mut out = [[0.0; ROWS]; O];
    #[cfg(target_arch = "x86_64")]
    if let Some(&v4) = (&simd as &dyn std::any::Any).downcast_ref::<pulp::x86::V4>() {
        // Through memory once, here, so that the sums stay in registers before.
        let mut vectors = [[pulp::cast([0u32; 16]); ROWS]; O];
        for b in 0..O {
            for a in 0..ROWS {
                vectors[b][a] = bytemuck::cast(sums[a][b]);
            }
        }
        for b in (0..O).step_by(4) {
            let count = 4.min(O - b);
            let mut fours = [pulp::cast([0u32; 16]); 4];
            for i in 0..count {
                fours[i] = avx512::add_quarters(v4, vectors[b + i]);
            }
            let sums = avx512::add_fours(v4, fours);
            out[b..b + count].copy_from_slice(&sums[..count]);
        }
        return out;
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(&v3) = (&simd as &dyn std::any::Any).downcast_ref::<pulp::x86::V3>() {
        for b in 0..O {
            let mut vectors = [pulp::cast([0u32; 8]); ROWS];
            for a in 0..ROWS {
                vectors[a] = bytemuck::cast(sums[a][b]);
            }
            out[b] = avx::add_lanes(v3, vectors);
        }
        return out;
    }
    let mut vectors = [[simd.splat_f32s(0.0); ROWS]; O];
    for b in 0..O {
        for a in 0..ROWS {
            vectors[b][a] = sums[a][b];
        }
    }
    for b in 0..O {
        out[b] = sum_lanes::<S>(bytemuck::cast_slice(&vectors[b]));
    }
    out
}

/// Products of each of R rows with each of O weight rows, the lanes not yet added.
#[inline(always)]
fn products<S: Simd, const O: usize, const R: usize>(
    simd: S,
    x: [&[f32]; R],
    w: [&[f32]; O],
) -> [[S::f32s; O]; R] {
    let vectors = x[0].len() / S::F32_LANES;
    let (mut rows, mut row_tails) = ([&[][..]; R], [&[][..]; R]);
    for a in 0..R {
        let (row, tail) = S::as_simd_f32s(x[a]);
        (rows[a], row_tails[a]) = (&row[..vectors], tail);
    }
    let (mut heads, mut tails) = ([&[][..]; O], [&[][..]; O]);
    for b in 0..O {
        let (head, tail) = S::as_simd_f32s(w[b]);
        (heads[b], tails[b]) = (&head[..vectors], tail);
    }
    let mut sums = [[simd.splat_f32s(0.0); O]; R];
    for d in 0..vectors {
        for b in 0..O {
            let w: S::f32s = heads[b][d];
            for a in 0..R {
                sums[a][b] = simd.mul_add_e_f32s(rows[a][d], w, sums[a][b]);
            }
        }
    }
    if !row_tails[0].is_empty() {
        for b in 0..O {
            let w = simd.partial_load_f32s(tails[b]);
            for a in 0..R {
                sums[a][b] = simd.mul_add_e_f32s(simd.partial_load_f32s(row_tails[a]), w, sums[a][b]);
            }
        }
    }
    sums
}

/// Sums of the lanes, at most four, of four vectors, halves added to halves.
#[inline(always)]
fn sum_lanes<S: Simd>(lanes: &[f32]) -> [f32; ROWS] {
    let n = S::F32_LANES;
    let mut four = [[0.0f32; 4]; ROWS];
    for a in 0..ROWS {
        let lanes = &lanes[a * n..(a + 1) * n];
        for i in 0..4 {
            if i < n {
                four[a][i] = lanes[i];
            }
        }
    }
    let mut out = [0.0; ROWS];
    for a in 0..ROWS {
        out[a] = (four[a][0] + four[a][2]) + (four[a][1] + four[a][3]);
    }
    out
}

/// The same of eight lanes, in AVX's instructions.
#[cfg(target_arch = "x86_64")]
pub(super) mod avx {
    use std::arch::x86_64::__m256;

    use pulp::x86::V3;

    /// The sums of the lanes of four vectors.
    #[inline(always)]
    pub(in super::super) fn add_lanes(V3 { avx, .. }: V3, [a, b, c, d]: [__m256; 4]) -> [f32; 4] {
        let halves = |a, b| {
            avx._mm256_add_ps(
                avx._mm256_permute2f128_ps::<0x20>(a, b),
                avx._mm256_permute2f128_ps::<0x31>(a, b),
            )
        };
        // Four of a, four of b; four of c, four of d.
        let (ab, cd) = (halves(a, b), halves(c, d));
        let twos =
            avx._mm256_add_ps(avx._mm256_shuffle_ps::<0x44>(ab, cd), avx._mm256_shuffle_ps::<0xee>(ab, cd));
        let sums = avx._mm256_add_ps(twos, avx._mm256_permute_ps::<0xb1>(twos));
        let [a, _, c, _, b, _, d, _]: [f32; 8] = pulp::cast(sums);
        [a, b, c, d]
    }
}

/// Sums of lanes, halves added to halves, for many vectors at a time: three instructions a sum, where the compiler's
/// own way through single lanes took an eighth of the objective's time.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::__m512;

    use pulp::x86::V4;

    /// Four numbers for each of four vectors, the sums of lanes that are four apart, vector by vector.
    #[inline(always)]
    pub(super) fn add_quarters(v4: V4, [a, b, c, d]: [__m512; 4]) -> __m512 {
        let f = v4.avx512f;
        let ab = f._mm512_add_ps(f._mm512_shuffle_f32x4::<0x44>(a, b), f._mm512_shuffle_f32x4::<0xee>(a, b));
        let cd = f._mm512_add_ps(f._mm512_shuffle_f32x4::<0x44>(c, d), f._mm512_shuffle_f32x4::<0xee>(c, d));
        f._mm512_add_ps(f._mm512_shuffle_f32x4::<0x88>(ab, cd), f._mm512_shuffle_f32x4::<0xdd>(ab, cd))
    }

    /// The sums of each four neighbours of four vectors.
    #[inline(always)]
    pub(super) fn add_fours(v4: V4, [a, b, c, d]: [__m512; 4]) -> [[f32; 4]; 4] {
        let f = v4.avx512f;
        let ab = f._mm512_add_ps(f._mm512_shuffle_ps::<0x44>(a, b), f._mm512_shuffle_ps::<0xee>(a, b));
        let cd = f._mm512_add_ps(f._mm512_shuffle_ps::<0x44>(c, d), f._mm512_shuffle_ps::<0xee>(c, d));
        let sums = f._mm512_add_ps(f._mm512_shuffle_ps::<0x88>(ab, cd), f._mm512_shuffle_ps::<0xdd>(ab, cd));
        let by_vector = pulp::cast([0u32, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]);
        pulp::cast(f._mm512_permutexvar_ps(by_vector, sums))
    }
}

/// `weight[k·D + d] += Σ_a residual[k][a]·x[a][d]`: sums of a strip of columns stay in registers while the rows pass.
#[inline(always)]
pub(super) fn add<S: Simd, const BLOCK: usize>(
    simd: S,
    x: &[&[f32]; BLOCK],
    residual: &[[f32; BLOCK]],
    weight: &mut [f32],
    next: &[&[f32]; BLOCK],
) {
    let columns = x[0].len();
    let vectors = columns / S::F32_LANES;
    let mut d = 0;
    // Wide strips where there are registers for them.
    if S::F32_LANES >= 16 {
        while d + 4 <= vectors {
            strip::<S, BLOCK, 4>(simd, x, residual, weight, next, d);
            d += 4;
        }
    }
    while d + 2 <= vectors {
        strip::<S, BLOCK, 2>(simd, x, residual, weight, next, d);
        d += 2;
    }
    if d < vectors {
        strip::<S, BLOCK, 1>(simd, x, residual, weight, next, d);
    }
    let tail = vectors * S::F32_LANES;
    if tail < columns {
        for (residual, weight) in residual.iter().zip(weight.chunks_exact_mut(columns)) {
            let weight = &mut weight[tail..];
            let mut sum = simd.partial_load_f32s(weight);
            for a in 0..BLOCK {
                sum = simd.mul_add_e_f32s(
                    simd.splat_f32s(residual[a]),
                    simd.partial_load_f32s(&x[a][tail..]),
                    sum,
                );
            }
            simd.partial_store_f32s(weight, sum);
        }
    }
}

/// Asks for the cache line at `address`, to be there when it is used: in the nearest cache or in the one behind it.
#[inline(always)]
#[allow(unsafe_code)] // A prefetch reads nothing and cannot fault; the intrinsic is unsafe only as all of its kind are.
pub(super) fn prefetch<const NEAREST: bool, T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        if NEAREST {
            _mm_prefetch::<_MM_HINT_T0>(address.cast());
        } else {
            _mm_prefetch::<_MM_HINT_T1>(address.cast());
        }
    }
}

/// V vectors of columns from vector `d` on.
#[inline(always)]
fn strip<S: Simd, const BLOCK: usize, const V: usize>(
    simd: S,
    x: &[&[f32]; BLOCK],
    residual: &[[f32; BLOCK]],
    weight: &mut [f32],
    next: &[&[f32]; BLOCK],
    d: usize,
) {
    let columns = x[0].len();
    let (from, end) = (d * S::F32_LANES, (d + V) * S::F32_LANES);
    // Two lines a row with each tile, as far as there are tiles: asked for all at once, they would wait for each other.
    let lines = (V * S::F32_LANES).div_ceil(LINE);
    output_tiles!(residual.len(), k, O => {
        let r: &[[f32; BLOCK]] = &residual[k..k + O];
        let mut sums = [[simd.splat_f32s(0.0); V]; O];
        let asked = (2 * (k / OUTPUTS)).min(lines)..(2 * (k / OUTPUTS) + 2).min(lines);
        for a in 0..BLOCK {
            let xs = S::as_simd_f32s(&x[a][from..end]).0;
            for line in asked.clone() {
                prefetch::<false, _>(next[a].as_ptr().wrapping_add(from + line * LINE));
            }
            for b in 0..O {
                let r = simd.splat_f32s(r[b][a]);
                for v in 0..V {
                    sums[b][v] = simd.mul_add_e_f32s(r, xs[v], sums[b][v]);
                }
            }
        }
        for b in 0..O {
            let at = (k + b) * columns;
            let weight = S::as_mut_simd_f32s(&mut weight[at + from..at + end]).0;
            for v in 0..V {
                weight[v] = simd.add_f32s(weight[v], sums[b][v]);
            }
        }
    });
}
