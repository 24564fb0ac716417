//! **probe** on the GPU: twelve chains a lane.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{DeviceError, Probe};

pub(super) const SHADER: Shader = ("probe", include_str!("../../../shaders/probe.wgsl"));

shared! {
    struct Config {
        lanes: u32,
        rounds: u32,
        factor: f32,
        addend: f32,
    }
}

/// `LANES` of the shader: lanes of a workgroup.
pub(super) const LANES: usize = 256;

pub(super) fn probe(gpu: &Gpu, probe: Probe, sums: &mut GpuArray<f32>) -> Result<(), DeviceError> {
    let Probe { lanes, rounds, factor, addend } = probe;
    let config = Config { lanes: lanes as u32, rounds, factor, addend };
    gpu.dispatch(SHADER, &[], &config, &[sums.of(lanes)], lanes.div_ceil(LANES) as u64)
}
