//! The two products that training is made of, in vector registers: rows by weights, and residuals by rows.

// Indices of tiles, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

/// Rows of a tile of [`dots`].
pub(super) const ROWS: usize = 4;
/// Outputs of a tile, of both products. 4 × 5 sums, 4 rows and a weight fill the registers of AVX-512 without spilling.
pub(super) const OUTPUTS: usize = 5;

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
    let (x0, t0) = S::as_simd_f32s(x[0]);
    let (x1, t1) = S::as_simd_f32s(x[1]);
    let (x2, t2) = S::as_simd_f32s(x[2]);
    let (x3, t3) = S::as_simd_f32s(x[3]);
    let vectors = x0.len();
    let (x1, x2, x3) = (&x1[..vectors], &x2[..vectors], &x3[..vectors]);
    let mut heads: [&[S::f32s]; O] = [&[]; O];
    let mut tails: [&[f32]; O] = [&[]; O];
    for b in 0..O {
        let (head, tail) = S::as_simd_f32s(w[b]);
        heads[b] = &head[..vectors];
        tails[b] = tail;
    }
    let mut sums = [[simd.splat_f32s(0.0); O]; ROWS];
    for d in 0..vectors {
        for b in 0..O {
            let w = heads[b][d];
            sums[0][b] = simd.mul_add_e_f32s(x0[d], w, sums[0][b]);
            sums[1][b] = simd.mul_add_e_f32s(x1[d], w, sums[1][b]);
            sums[2][b] = simd.mul_add_e_f32s(x2[d], w, sums[2][b]);
            sums[3][b] = simd.mul_add_e_f32s(x3[d], w, sums[3][b]);
        }
    }
    if !t0.is_empty() {
        for b in 0..O {
            let w = simd.partial_load_f32s(tails[b]);
            sums[0][b] = simd.mul_add_e_f32s(simd.partial_load_f32s(t0), w, sums[0][b]);
            sums[1][b] = simd.mul_add_e_f32s(simd.partial_load_f32s(t1), w, sums[1][b]);
            sums[2][b] = simd.mul_add_e_f32s(simd.partial_load_f32s(t2), w, sums[2][b]);
            sums[3][b] = simd.mul_add_e_f32s(simd.partial_load_f32s(t3), w, sums[3][b]);
        }
    }
    // Through memory once, here, so that the sums stay in registers before.
    let mut vectors = [[simd.splat_f32s(0.0); ROWS]; O];
    for b in 0..O {
        for a in 0..ROWS {
            vectors[b][a] = sums[a][b];
        }
    }
    let mut out = [[0.0; ROWS]; O];
    for b in 0..O {
        out[b] = sum_lanes::<S>(bytemuck::cast_slice(&vectors[b]));
    }
    out
}

/// Sums of the lanes of four vectors, halves added to halves.
#[inline(always)]
fn sum_lanes<S: Simd>(lanes: &[f32]) -> [f32; ROWS] {
    let n = S::F32_LANES;
    let mut eight = [[0.0f32; 8]; ROWS];
    let mut four = [[0.0f32; 4]; ROWS];
    for a in 0..ROWS {
        let lanes = &lanes[a * n..(a + 1) * n];
        if n == 16 {
            for i in 0..8 {
                eight[a][i] = lanes[i] + lanes[8 + i];
            }
        }
        for i in 0..4 {
            four[a][i] = match n {
                16 => eight[a][i] + eight[a][4 + i],
                8 => lanes[i] + lanes[4 + i],
                4 => lanes[i],
                _ => {
                    if i < n {
                        lanes[i]
                    } else {
                        0.0
                    }
                }
            };
        }
    }
    let mut out = [0.0; ROWS];
    for a in 0..ROWS {
        out[a] = (four[a][0] + four[a][2]) + (four[a][1] + four[a][3]);
    }
    out
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

/// Asks for the cache line of `value`, to be there when it is used.
#[inline(always)]
#[allow(unsafe_code)] // A prefetch reads nothing and cannot fault; the intrinsic is unsafe only as all of its kind are.
fn prefetch(value: &f32) {
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(value).cast());
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
    // Spread over the tiles: asked for all at once, the lines would wait for each other.
    let tiles = residual.len().div_ceil(OUTPUTS);
    output_tiles!(residual.len(), k, O => {
        let r: &[[f32; BLOCK]] = &residual[k..k + O];
        let mut sums = [[simd.splat_f32s(0.0); V]; O];
        for a in 0..BLOCK {
            let xs = S::as_simd_f32s(&x[a][from..end]).0;
            for line in 0..V {
                if line % tiles == k / OUTPUTS {
                    prefetch(&next[a][from + line * S::F32_LANES]);
                }
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
