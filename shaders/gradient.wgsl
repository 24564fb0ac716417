// gradient: partial sums over splits of the rows of residual[i,k]·x[i,d], and of residual[i,k] for the biases
// (`reference::gradient`). `reduce` adds the splits up, so the order of additions is fixed.
//
// A workgroup takes 64 columns × 8 outputs of one split; a lane keeps the 8 sums of its column in registers.
// The biases are the column after the last, where every feature is 1.

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    columns: u32, // D
    outputs: u32, // K
    split: u32, // rows of a split
    splits: u32, // P
}

const LANES = 64u;
const OUTPUTS = 8u;
const ROWS = 32u; // rows whose residuals lie in workgroup memory together

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

var<workgroup> r_low: array<vec4<f32>, ROWS>;
var<workgroup> r_high: array<vec4<f32>, ROWS>;
var<workgroup> row_start: array<u32, ROWS>;

fn residual_at(row: u32, k: u32, end: u32) -> f32 {
    if row < end && k < config.outputs {
        return residual[row * config.outputs + k];
    }
    return 0.0;
}

fn store(split: u32, d: u32, k: u32, sum: f32) {
    if split < config.splits && k < config.outputs && d <= config.columns {
        let weight = k * config.columns + d;
        let bias = config.outputs * config.columns + k;
        partials[split * config.outputs * (config.columns + 1u) + select(weight, bias, d == config.columns)] = sum;
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column_tiles = config.columns / LANES + 1u; // of D + 1 columns
    let output_tiles = (config.outputs + OUTPUTS - 1u) / OUTPUTS;
    let id = group.y * groups.x + group.x;
    let d = id % column_tiles * LANES + lane;
    let k = id / column_tiles % output_tiles * OUTPUTS;
    let split = id / column_tiles / output_tiles;
    // Workgroups past the last split have no rows.
    let begin = min(split * config.split, config.count);
    let end = min(begin + config.split, config.count);

    var low = vec4<f32>();
    var high = vec4<f32>();
    for (var first = begin; first < end; first += ROWS) {
        if lane < ROWS {
            let row = first + lane;
            r_low[lane] = vec4(
                residual_at(row, k, end), residual_at(row, k + 1u, end),
                residual_at(row, k + 2u, end), residual_at(row, k + 3u, end),
            );
            r_high[lane] = vec4(
                residual_at(row, k + 4u, end), residual_at(row, k + 5u, end),
                residual_at(row, k + 6u, end), residual_at(row, k + 7u, end),
            );
            row_start[lane] = index[config.first + min(row, end - 1u)] * config.columns;
        }
        workgroupBarrier();
        for (var row = 0u; row < min(ROWS, end - first); row += 1u) {
            var x = 1.0;
            if d < config.columns {
                x = features[row_start[row] + d];
            }
            low += x * r_low[row];
            high += x * r_high[row];
        }
        workgroupBarrier();
    }

    for (var j = 0u; j < 4u; j += 1u) {
        store(split, d, k + j, low[j]);
        store(split, d, k + 4u + j, high[j]);
    }
}
