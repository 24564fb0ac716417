//! The two products that training is made of, in vector registers: rows by weights, and residuals by rows.

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

/// Dot products of four rows with O weight rows.
#[inline(always)]
pub(super) fn dots<S: Simd, const O: usize>(simd: S, x: [&[f32]; ROWS], w: [&[f32]; O]) -> [[f32; O]; ROWS] {
    let x_parts = x.map(|x| S::as_simd_f32s(x));
    let w_parts = w.map(|w| S::as_simd_f32s(w));
    let vectors = x_parts[0].0.len();
    let x_vectors = x_parts.map(|(head, _)| &head[..vectors]);
    let w_vectors = w_parts.map(|(head, _)| &head[..vectors]);
    let mut sums = [[simd.splat_f32s(0.0); O]; ROWS];
    for d in 0..vectors {
        let xs = x_vectors.map(|x| x[d]);
        for b in 0..O {
            let w = w_vectors[b][d];
            for a in 0..ROWS {
                sums[a][b] = simd.mul_add_e_f32s(xs[a], w, sums[a][b]);
            }
        }
    }
    if !x_parts[0].1.is_empty() {
        let xs = x_parts.map(|(_, tail)| simd.partial_load_f32s(tail));
        for b in 0..O {
            let w = simd.partial_load_f32s(w_parts[b].1);
            for a in 0..ROWS {
                sums[a][b] = simd.mul_add_e_f32s(xs[a], w, sums[a][b]);
            }
        }
    }
    sums.map(|sums| sums.map(|sum| simd.reduce_sum_f32s(sum)))
}

/// `weight[k·D + d] += Σ_a residual[k][a]·x[a][d]`: sums of a strip of columns stay in registers while the rows pass.
#[inline(always)]
pub(super) fn add<S: Simd, const BLOCK: usize>(
    simd: S,
    x: &[&[f32]; BLOCK],
    residual: &[[f32; BLOCK]],
    weight: &mut [f32],
) {
    let columns = x[0].len();
    let vectors = columns / S::F32_LANES;
    let mut d = 0;
    // Wide strips where there are registers for them.
    if S::F32_LANES >= 16 {
        while d + 4 <= vectors {
            strip::<S, BLOCK, 4>(simd, x, residual, weight, d);
            d += 4;
        }
    }
    while d + 2 <= vectors {
        strip::<S, BLOCK, 2>(simd, x, residual, weight, d);
        d += 2;
    }
    if d < vectors {
        strip::<S, BLOCK, 1>(simd, x, residual, weight, d);
    }
    let tail = vectors * S::F32_LANES;
    if tail < columns {
        for (residual, weight) in residual.iter().zip(weight.chunks_exact_mut(columns)) {
            let weight = &mut weight[tail..];
            let mut sum = simd.partial_load_f32s(weight);
            for (x, &r) in x.iter().zip(residual) {
                sum = simd.mul_add_e_f32s(simd.splat_f32s(r), simd.partial_load_f32s(&x[tail..]), sum);
            }
            simd.partial_store_f32s(weight, sum);
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
    d: usize,
) {
    let columns = x[0].len();
    let (from, end) = (d * S::F32_LANES, (d + V) * S::F32_LANES);
    output_tiles!(residual.len(), k, O => {
        let r: &[[f32; BLOCK]] = &residual[k..k + O];
        let mut sums = [[simd.splat_f32s(0.0); V]; O];
        for a in 0..BLOCK {
            let xs = S::as_simd_f32s(&x[a][from..end]).0;
            for b in 0..O {
                let r = simd.splat_f32s(r[b][a]);
                for v in 0..V {
                    sums[b][v] = simd.mul_add_e_f32s(r, xs[v], sums[b][v]);
                }
            }
        }
        for (weight, sums) in weight[k * columns..].chunks_mut(columns).zip(sums) {
            let weight = S::as_mut_simd_f32s(&mut weight[from..end]).0;
            for v in 0..V {
                weight[v] = simd.add_f32s(weight[v], sums[v]);
            }
        }
    });
}
