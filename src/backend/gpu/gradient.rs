//! **gradient** on the GPU: a workgroup a tile of outputs × columns of one split of the rows.

use super::dispatch::{Shader, shared};
use super::scores::{across, tile};
use super::{Gpu, GpuArray};
use crate::backend::{Backend, DeviceError, Rows};

pub(super) const SHADER: Shader = ("gradient", include_str!("../../../shaders/gradient.wgsl"));

shared! {
    struct Config {
        first: u32,
        count: u32,
        columns: u32,
        outputs: u32,
        split: u32,
        splits: u32,
    }
}

/// Workgroups for one split: tiles of columns (the biases are one more) × tiles of outputs.
pub(super) fn tiles(columns: usize, outputs: usize) -> usize {
    let [tile_outputs, tile_columns] = tile(across(outputs));
    (columns / tile_columns + 1) * outputs.div_ceil(tile_outputs)
}

pub(super) fn gradient(
    gpu: &Gpu,
    rows: &Rows<'_, Gpu>,
    residual: &GpuArray<f32>,
    outputs: usize,
    partials: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    let splits = gpu.splits(rows.count, rows.columns, outputs);
    let config = Config {
        first: rows.first as u32,
        count: rows.count as u32,
        columns: rows.columns as u32,
        outputs: outputs as u32,
        split: splits.rows as u32,
        splits: splits.count as u32,
    };
    let buffers = [
        rows.features.of(rows.columns),
        rows.index.of(rows.first + rows.count),
        residual.of(rows.count * outputs),
        partials.of(splits.count * outputs * (rows.columns + 1)),
    ];
    let workgroups = (tiles(rows.columns, outputs) * splits.count) as u64;
    let constants = [("ACROSS", across(outputs) as u32), ("FOUR", 4)];
    gpu.dispatch(SHADER, &constants, &config, &buffers, workgroups)
}
