//! **reduce** on the GPU: as many lanes a column as there are too few columns to keep a workgroup busy.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{DeviceError, DeviceKind};

pub(super) const SHADER: Shader = ("reduce", include_str!("../../../shaders/reduce.wgsl"));

shared! {
    struct Config {
        rows: u32,
        columns: u32,
        at: u32,
        accumulate: u32,
    }
}

/// `WORKGROUP` of the shader.
pub(super) const WORKGROUP: usize = 256;

/// Columns that neighbouring lanes take, at least, where there are as many: a run of memory.
const RUN: usize = 32;
/// Columns from which one lane a column keeps a GPU busy.
const MANY: usize = 1 << 16;
/// The same for a software driver, for which a barrier costs more than it gains.
const MANY_IN_SOFTWARE: usize = 256;

/// How many lanes share a column: a power of two.
fn lanes(rows: usize, columns: usize, many: usize) -> usize {
    let most = WORKGROUP / columns.next_power_of_two().min(RUN);
    let wanted = if columns >= many { 1 } else { rows.next_power_of_two() };
    wanted.min(most)
}

pub(super) fn reduce(
    gpu: &Gpu,
    partials: &GpuArray<f32>,
    rows: usize,
    columns: usize,
    sums: &mut GpuArray<f32>,
    at: usize,
    accumulate: bool,
) -> Result<(), DeviceError> {
    let many = if gpu.info.kind == DeviceKind::Software { MANY_IN_SOFTWARE } else { MANY };
    let lanes = lanes(rows, columns, many);
    gpu.turns(rows, "partial sums", 4 * lanes, 1)?;
    let config = Config {
        rows: rows as u32,
        columns: columns as u32,
        at: at as u32,
        accumulate: u32::from(accumulate),
    };
    let workgroups = columns.div_ceil(WORKGROUP / lanes) as u64;
    let buffers = [partials.of(rows * columns), sums.of(at + columns)];
    gpu.dispatch(SHADER, &[("LANES", lanes as u32), ("FOUR", 4)], &config, &buffers, workgroups)
}
