//! **objective** on the GPU: a workgroup a split of the rows, with the weights and the gradient in its registers.

use std::sync::LazyLock;

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{Backend, DeviceError, DeviceKind, Labels, Loss, Models, Rows};

pub(super) const SHADER: Shader = ("objective", include_str!("../../../shaders/objective.wgsl"));
/// For rows that one subgroup holds: no workgroup memory, no barriers.
pub(super) const SUBGROUP_SHADER: Shader =
    ("objective_subgroup", include_str!("../../../shaders/objective_subgroup.wgsl"));

/// The same for rows that are not a whole number of vectors: their numbers are loaded one by one.
static SCALAR: LazyLock<String> = LazyLock::new(|| replaced(SHADER.1, &BY_NUMBERS));
static SUBGROUP_SCALAR: LazyLock<String> = LazyLock::new(|| replaced(SUBGROUP_SHADER.1, &BY_NUMBERS));
/// The same for a software driver, which loads lane by lane whatever the width: two numbers at a time.
static SUBGROUP_PAIRS: LazyLock<String> = LazyLock::new(|| replaced(SUBGROUP_SHADER.1, &BY_PAIRS));

shared! {
    struct Config {
        first: u32,
        count: u32,
        columns: u32,
        split: u32,
        splits: u32,
    }
}

/// How rows lie in a workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Lanes of a workgroup.
    lanes: usize,
    /// Cells of four columns that a lane has of a row.
    cells: usize,
    /// Rows of a step.
    rows: usize,
    /// Whether the workgroup is one subgroup.
    subgroup: bool,
}

/// The most outputs of the one pass.
const OUTPUTS: usize = 16;
/// Cells of weights that a lane of a hardware GPU holds, at most, and as many of the gradient: 64 numbers and 64, which
/// leaves registers for the rest.
const HARDWARE: usize = 16;
/// The same for a software driver, whose registers lie in the cache, and for which every load is slow. More would compile
/// for many seconds.
const SOFTWARE: usize = 192;
/// Rows of a step without barriers. Four gained 4 % on lavapipe, and took longer to compile.
const SUBGROUP_ROWS: usize = 2;
/// Rows between barriers, at most.
const ROWS: usize = 4;

/// The shape for rows of `columns` features and `outputs` outputs; `None` where they do not fit registers.
pub(super) fn shape(gpu: &Gpu, columns: usize, outputs: usize) -> Option<Shape> {
    let values = if gpu.info.kind == DeviceKind::Software { SOFTWARE } else { HARDWARE };
    let memory = gpu.limits.max_compute_workgroup_storage_size as usize;
    choose(columns.div_ceil(4), outputs, values, gpu.subgroup, memory)
}

fn choose(
    row_cells: usize,
    outputs: usize,
    values: usize,
    subgroup: Option<usize>,
    memory: usize,
) -> Option<Shape> {
    if outputs > OUTPUTS || row_cells == 0 {
        return None;
    }
    if let Some(lanes) = subgroup {
        let cells = row_cells.div_ceil(lanes);
        if cells * outputs <= values {
            return Some(Shape { lanes, cells, rows: SUBGROUP_ROWS, subgroup: true });
        }
    }
    [32, 64, 128, 256].into_iter().find_map(|lanes| {
        let cells = row_cells.div_ceil(lanes);
        let fits = |rows: &usize| {
            let sums = rows * outputs;
            let numbers = lanes * (sums | 1) + lanes / sums.max(1) * sums + sums;
            sums <= lanes && 4 * numbers <= memory
        };
        let rows = (1..=ROWS).rev().find(fits)?;
        (cells * outputs <= values).then_some(Shape { lanes, cells, rows, subgroup: false })
    })
}

/// Loads of numbers in place of loads of vectors: what is replaced, and by what.
const BY_NUMBERS: [(&str, &str); 5] = [
    ("features: array<vec4<f32>>", "features: array<f32>"),
    ("parameters: array<vec4<f32>>", "parameters: array<f32>"),
    (
        "return features[row * (config.columns / 4u) + min(cell, config.columns / 4u - 1u)];",
        "let at = row * config.columns;
    let last = config.columns - 1u;
    let d = 4u * cell;
    return vec4(
        features[at + min(d, last)], features[at + min(d + 1u, last)],
        features[at + min(d + 2u, last)], features[at + min(d + 3u, last)],
    );",
    ),
    (
        "let cells = config.columns / 4u;
    return select(vec4<f32>(), parameters[k * cells + min(cell, cells - 1u)], cell < cells);",
        "let at = k * config.columns;
    let last = config.columns - 1u;
    let d = vec4(4u * cell) + vec4(0u, 1u, 2u, 3u);
    let w = vec4(
        parameters[at + min(d.x, last)], parameters[at + min(d.y, last)],
        parameters[at + min(d.z, last)], parameters[at + min(d.w, last)],
    );
    return select(vec4<f32>(), w, d <= vec4(last));",
    ),
    ("return parameters[at / 4u][at % 4u];", "return parameters[at];"),
];

/// Loads of pairs of numbers, as 64 bits, in place of loads of vectors.
const BY_PAIRS: [(&str, &str); 2] = [
    ("features: array<vec4<f32>>", "features: array<vec2<u64>>"),
    (
        "return features[row * (config.columns / 4u) + min(cell, config.columns / 4u - 1u)];",
        "let pairs = features[row * (config.columns / 4u) + min(cell, config.columns / 4u - 1u)];
    let even = bitcast<vec2<f32>>(vec2<u32>(u32(pairs.x), u32(pairs.y)));
    let odd = bitcast<vec2<f32>>(vec2<u32>(u32(pairs.x >> 32u), u32(pairs.y >> 32u)));
    return vec4(even.x, odd.x, even.y, odd.y);",
    ),
];

fn replaced(source: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(source.to_owned(), |text, (vectors, others)| text.replace(vectors, others))
}

/// `LOSS` of the shaders.
const fn number(loss: Loss) -> usize {
    match loss {
        Loss::Softmax => 0,
        Loss::Sigmoid => 1,
        Loss::Hinge => 2,
        Loss::SquaredHinge => 3,
    }
}

pub(super) fn objective(
    gpu: &Gpu,
    rows: &Rows<'_, Gpu>,
    labels: &Labels<'_, Gpu>,
    parameters: &GpuArray<f32>,
    outputs: usize,
    partials: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    let shape = shape(gpu, rows.columns, outputs).filter(|_| labels.models() == Models::ONE);
    let Some(Shape { lanes, cells, rows: step, subgroup }) = shape else {
        let reason =
            format!("{outputs} outputs of {} columns do not fit one pass (see `fuses`)", rows.columns);
        return Err(DeviceError::Refused { device: gpu.info.name.clone(), reason });
    };
    let splits = gpu.splits(rows.count, rows.columns, outputs);
    let config = Config {
        first: rows.first as u32,
        count: rows.count as u32,
        columns: rows.columns as u32,
        split: splits.rows as u32,
        splits: splits.count as u32,
    };
    let whole = rows.columns.is_multiple_of(4);
    let shader: Shader = match (subgroup, whole) {
        (true, true) if gpu.pairs => ("objective_subgroup by pairs", &SUBGROUP_PAIRS),
        (true, true) => SUBGROUP_SHADER,
        (true, false) => ("objective_subgroup by numbers", &SUBGROUP_SCALAR),
        (false, true) => SHADER,
        (false, false) => ("objective by numbers", &SCALAR),
    };
    let loss = number(labels.loss);
    let constants =
        [("LANES", lanes), ("CELLS", cells), ("OUTPUTS", outputs), ("ROWS", step), ("LOSS", loss)]
            .map(|(name, value)| (name, value as u32));
    let buffers = [
        rows.features.of(rows.columns),
        rows.index.of(rows.first + rows.count),
        labels.words.of(0),
        labels.weights.of(2 * outputs),
        parameters.of(outputs * (rows.columns + 1)),
        partials.of(splits.count * (outputs * (rows.columns + 1) + 1)),
    ];
    gpu.dispatch(shader, &constants, &config, &buffers, splits.count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_registers_and_workgroup_memory() {
        for columns in [1, 3, 64, 512, 910, 4096] {
            for outputs in 1..=OUTPUTS {
                for subgroup in [None, Some(8), Some(32)] {
                    let cells = usize::div_ceil(columns, 4);
                    let Some(shape) = choose(cells, outputs, HARDWARE, subgroup, 16_384) else {
                        continue;
                    };
                    assert!(shape.lanes * shape.cells >= cells, "{shape:?}");
                    assert!(shape.cells * outputs <= HARDWARE && shape.rows >= 1, "{shape:?}");
                    assert_eq!(shape.subgroup, subgroup == Some(shape.lanes), "{shape:?}");
                }
            }
        }
        let shape = choose(128, 10, HARDWARE, Some(32), 16_384);
        assert_eq!(shape, Some(Shape { lanes: 128, cells: 1, rows: 2, subgroup: false }));
        assert_eq!(choose(1024, 16, HARDWARE, None, 16_384), None);
        assert_eq!(choose(1, 17, HARDWARE, None, 16_384), None);
    }

    #[test]
    fn both_shaders_have_all_that_is_replaced() {
        for (name, source) in [SHADER, SUBGROUP_SHADER] {
            for (vectors, _) in BY_NUMBERS.iter().chain(&BY_PAIRS) {
                assert_eq!(source.matches(*vectors).count(), 1, "{name}: {vectors}");
            }
        }
    }
}
