//! **probe** on the CPU: twelve vectors of chains, as many as registers hold beside factor and addend on every processor.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::backend::Probe;

/// Lanes of one task.
const TASK: usize = 64;

pub(super) fn probe(arch: Arch, probe: Probe, sums: &mut [f32]) {
    sums[..probe.lanes].par_chunks_mut(TASK).for_each(|sums| arch.dispatch(Task { probe, sums }));
}

/// A multiple of 64 lanes before it, so that its first lane begins like lane 0.
struct Task<'a> {
    probe: Probe,
    sums: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { probe, sums } = self;
        let (factor, addend) = (simd.splat_f32s(probe.factor), simd.splat_f32s(probe.addend));
        let lanes: [f32; TASK] = std::array::from_fn(|i| i as f32);
        for (sums, lanes) in sums.chunks_mut(S::F32_LANES).zip(lanes.chunks(S::F32_LANES)) {
            let lanes = simd.partial_load_f32s(lanes);
            let mut chains: [S::f32s; Probe::CHAINS] =
                std::array::from_fn(|j| simd.add_f32s(lanes, simd.splat_f32s(j as f32)));
            for _ in 0..probe.rounds {
                for chain in &mut chains {
                    *chain = simd.mul_add_e_f32s(factor, *chain, addend);
                }
            }
            let sum = chains.into_iter().fold(simd.splat_f32s(0.0), |sum, chain| simd.add_f32s(sum, chain));
            simd.partial_store_f32s(sums, sum);
        }
    }
}
