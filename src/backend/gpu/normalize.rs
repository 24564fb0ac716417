//! **normalize** on the GPU: a workgroup a row.

use super::dispatch::Shader;
use super::{Gpu, GpuArray};
use crate::backend::DeviceError;

pub(super) const SHADER: Shader = ("normalize", include_str!("../../../shaders/normalize.wgsl"));

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Config {
    rows: u32,
    columns: u32,
}

pub(super) fn normalize(
    gpu: &Gpu,
    counts: &GpuArray<u32>,
    rows: usize,
    columns: usize,
    features: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    let config = Config { rows: rows as u32, columns: columns as u32 };
    gpu.dispatch(SHADER, &[], &config, &[&counts.buffer, &features.buffer], rows as u64)
}
