//! **scores** on the GPU: a workgroup a tile of rows × outputs, as wide as there are outputs for.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{DeviceError, Rows};

pub(super) const SHADER: Shader = ("scores", include_str!("../../../shaders/scores.wgsl"));

shared! {
    struct Config {
        first: u32,
        count: u32,
        columns: u32,
        outputs: u32,
        begin: u32,
        end: u32,
    }
}

/// `LANES` of the shader.
pub(super) const LANES: usize = 64;
/// Columns of one dispatch for a driver that ends loops: eight of them take 18 turns or less. A multiple of `DEPTH` of the
/// shader.
const COLUMNS: usize = 16_384;
/// Sums that a lane keeps in either direction.
const SUMS: usize = 8;

/// `ACROSS` of the shader, also of gradient's: lanes side by side over the outputs.
pub(super) fn across(outputs: usize) -> usize {
    if outputs <= 2 * SUMS { 2 } else { 8 }
}

/// Outputs, and rows or columns, of a tile of `across` lanes.
pub(super) fn tile(across: usize) -> [usize; 2] {
    [across * SUMS, LANES / across * SUMS]
}

pub(super) fn scores(
    gpu: &Gpu,
    rows: &Rows<'_, Gpu>,
    parameters: &GpuArray<f32>,
    outputs: usize,
    scores: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    let buffers = [
        rows.features.of(rows.columns),
        rows.index.of(rows.first + rows.count),
        parameters.of(outputs * (rows.columns + 1)),
        scores.of(rows.count * outputs),
    ];
    let across = across(outputs);
    let [tile_outputs, tile_rows] = tile(across);
    let workgroups = (rows.count.div_ceil(tile_rows) * outputs.div_ceil(tile_outputs)) as u64;
    let constants = [("ACROSS", across as u32), ("FOUR", 4)];
    let (columns, most) = (rows.columns, if gpu.ends_loops() { COLUMNS } else { rows.columns.max(1) });
    for begin in (0..columns.max(1)).step_by(most) {
        let config = Config {
            first: rows.first as u32,
            count: rows.count as u32,
            columns: columns as u32,
            outputs: outputs as u32,
            begin: begin as u32,
            end: columns.min(begin + most) as u32,
        };
        gpu.dispatch(SHADER, &constants, &config, &buffers, workgroups)?;
    }
    Ok(())
}
