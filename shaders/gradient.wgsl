// gradient: partial sums over splits of the rows of residual[i,k]·x[i,d], and of residual[i,k] for the biases
// (`reference::gradient`). `reduce` adds the splits up, so the order of additions is fixed.
//
// A workgroup makes a tile of outputs × columns of one split: 64 × 64 for many outputs, 16 × 256 for few. A lane keeps
// 8 × 8 sums of it in registers, while 8 rows of both sides at a time lie in workgroup memory. The biases are the column
// after the last, where every feature is 1.

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    columns: u32, // D
    outputs: u32, // K
    split: u32, // rows of a split
    splits: u32, // P
}

const LANES = 64u;
const ACROSS = 8u; // lanes side by side over the outputs; the host sets it
const DEPTH = 8u; // rows in workgroup memory
const FOUR = 4u;
const COLUMNS = LANES / ACROSS * 8u;
const OUTPUTS = ACROSS * 8u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

var<workgroup> x_tile: array<vec4<f32>, DEPTH * COLUMNS / 4u>;
var<workgroup> r_tile: array<vec4<f32>, DEPTH * OUTPUTS / 4u>;

fn feature(row: u32, d: u32) -> f32 {
    if d < config.columns {
        return features[row + d];
    }
    return 1.0;
}

// Rows past the last have residuals of zero.
fn residual_at(row: u32, k: u32, end: u32) -> f32 {
    if row < end && k < config.outputs {
        return residual[row * config.outputs + k];
    }
    return 0.0;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column_tiles = (config.columns + COLUMNS) / COLUMNS; // of D + 1 columns
    let output_tiles = (config.outputs + OUTPUTS - 1u) / OUTPUTS;
    let id = group.y * groups.x + group.x;
    let first_column = id % column_tiles * COLUMNS;
    let first_output = id / column_tiles % output_tiles * OUTPUTS;
    let split = id / column_tiles / output_tiles;
    // Workgroups past the last split have no rows.
    let begin = min(split * config.split, config.count);
    let end = min(begin + config.split, config.count);

    let down = lane / ACROSS; // over columns
    let across = lane % ACROSS;
    var low: array<vec4<f32>, 8>; // output by output, columns 0 to 3 of the lane
    var high: array<vec4<f32>, 8>; // and 4 to 7
    for (var first = begin; first < end; first += DEPTH) {
        // A vector is stored by one lane.
        for (var i = lane; i < DEPTH * COLUMNS / 4u; i += LANES) {
            let at = index[config.first + min(first + i / (COLUMNS / 4u), end - 1u)] * config.columns;
            let d = first_column + i % (COLUMNS / 4u) * 4u;
            x_tile[i] = vec4(feature(at, d), feature(at, d + 1u), feature(at, d + 2u), feature(at, d + 3u));
        }
        for (var i = lane; i < DEPTH * OUTPUTS / 4u; i += LANES) {
            let row = first + i / (OUTPUTS / 4u);
            let k = first_output + i % (OUTPUTS / 4u) * 4u;
            r_tile[i] = vec4(
                residual_at(row, k, end), residual_at(row, k + 1u, end),
                residual_at(row, k + 2u, end), residual_at(row, k + 3u, end),
            );
        }
        workgroupBarrier();
        for (var row = 0u; row < DEPTH; row += 1u) {
            let x0 = x_tile[row * (COLUMNS / 4u) + down * 2u];
            let x1 = x_tile[row * (COLUMNS / 4u) + down * 2u + 1u];
            let r0 = r_tile[row * (OUTPUTS / 4u) + across * 2u];
            let r1 = r_tile[row * (OUTPUTS / 4u) + across * 2u + 1u];
            for (var a = 0u; a < FOUR; a += 1u) {
                low[a] = fma(vec4(r0[a]), x0, low[a]);
                high[a] = fma(vec4(r0[a]), x1, high[a]);
                low[a + 4u] = fma(vec4(r1[a]), x0, low[a + 4u]);
                high[a + 4u] = fma(vec4(r1[a]), x1, high[a + 4u]);
            }
        }
        workgroupBarrier();
    }

    let at = split * config.outputs * (config.columns + 1u);
    for (var j = 0u; j < FOUR; j += 1u) {
        for (var half = 0u; half < 2u; half += 1u) {
            let d = first_column + down * 8u + half * 4u + j;
            // Of the weights, or of the bias behind them.
            let stride = select(1u, config.columns, d < config.columns);
            let base = at + select(config.outputs * config.columns, d, d < config.columns);
            if split < config.splits && d <= config.columns {
                for (var a = 0u; a < FOUR; a += 1u) {
                    let k = first_output + across * 8u + a;
                    if k < config.outputs {
                        partials[base + k * stride] = select(low[a][j], high[a][j], half == 1u);
                    }
                    if k + 4u < config.outputs {
                        partials[base + (k + 4u) * stride] = select(low[a + 4u][j], high[a + 4u][j], half == 1u);
                    }
                }
            }
        }
    }
}
