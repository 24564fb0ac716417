// scores: scores[i,k] = Σ_d x[i,d]·w[k,d] + b[k] (`reference::scores`).
//
// A workgroup makes a tile of rows × outputs: 64 × 64 for many outputs, 256 × 16 for few. A lane keeps 8 × 8 sums of it in
// registers, while 8 columns of both sides at a time lie in workgroup memory: four vectors are read for 64 products. Long
// rows take several passes where a driver ends long loops.

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    columns: u32, // D
    outputs: u32, // K
    begin: u32, // the first column of this pass, a multiple of DEPTH
    end: u32, // and the one after its last
}

const LANES = 64u;
const ACROSS = 8u; // lanes side by side over the outputs; the host sets it
const DEPTH = 8u; // columns in workgroup memory
const FOUR = 4u;
const ROWS = LANES / ACROSS * 8u;
const OUTPUTS = ACROSS * 8u;
// Vectors of a column. One more than the tile is wide keeps the lanes that store out of the same memory bank.
const X_STRIDE = ROWS / 4u + 1u;
const W_STRIDE = OUTPUTS / 4u + 1u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> scores: array<f32>;

var<workgroup> row_start: array<u32, ROWS>;
var<workgroup> x_tile: array<vec4<f32>, DEPTH * X_STRIDE>;
var<workgroup> w_tile: array<vec4<f32>, DEPTH * W_STRIDE>;

fn weight(k: u32, column: u32) -> f32 {
    if k < config.outputs && column < config.columns {
        return parameters[k * config.columns + column];
    }
    return 0.0;
}

// What the products of this pass are added to: the bias, or the passes before.
fn before(at: u32, k: u32) -> f32 {
    if config.begin > 0u {
        return scores[at];
    }
    return parameters[config.outputs * config.columns + k];
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let output_tiles = (config.outputs + OUTPUTS - 1u) / OUTPUTS;
    let id = group.y * groups.x + group.x;
    let first_row = id / output_tiles * ROWS;
    let first_output = id % output_tiles * OUTPUTS;

    for (var row = lane; row < ROWS; row += LANES) {
        // Rows past the last load the last one and store nothing.
        let last = max(config.count, 1u) - 1u;
        row_start[row] = index[config.first + min(first_row + row, last)] * config.columns;
    }
    workgroupBarrier();

    let down = lane / ACROSS;
    let across = lane % ACROSS;
    var low: array<vec4<f32>, 8>; // row by row, outputs 0 to 3 of the lane
    var high: array<vec4<f32>, 8>; // and 4 to 7
    for (var first = config.begin; first < config.end; first += DEPTH) {
        // Neighbouring lanes load neighbouring columns, of four rows each: a vector is stored by one lane. Columns past
        // the last are zero on both sides.
        for (var i = lane; i < ROWS / 4u * DEPTH; i += LANES) {
            let row = i / DEPTH * 4u;
            let d = first + i % DEPTH;
            var x = vec4<f32>();
            if d < config.columns {
                x = vec4(
                    features[row_start[row] + d], features[row_start[row + 1u] + d],
                    features[row_start[row + 2u] + d], features[row_start[row + 3u] + d],
                );
            }
            x_tile[i % DEPTH * X_STRIDE + row / 4u] = x;
        }
        for (var i = lane; i < OUTPUTS / 4u * DEPTH; i += LANES) {
            let k = first_output + i / DEPTH * 4u;
            let d = first + i % DEPTH;
            w_tile[i % DEPTH * W_STRIDE + i / DEPTH] =
                vec4(weight(k, d), weight(k + 1u, d), weight(k + 2u, d), weight(k + 3u, d));
        }
        workgroupBarrier();
        for (var column = 0u; column < DEPTH; column += 1u) {
            let x0 = x_tile[column * X_STRIDE + down * 2u];
            let x1 = x_tile[column * X_STRIDE + down * 2u + 1u];
            let w0 = w_tile[column * W_STRIDE + across * 2u];
            let w1 = w_tile[column * W_STRIDE + across * 2u + 1u];
            for (var a = 0u; a < FOUR; a += 1u) {
                low[a] = fma(vec4(x0[a]), w0, low[a]);
                high[a] = fma(vec4(x0[a]), w1, high[a]);
                low[a + 4u] = fma(vec4(x1[a]), w0, low[a + 4u]);
                high[a + 4u] = fma(vec4(x1[a]), w1, high[a + 4u]);
            }
        }
        workgroupBarrier();
    }

    for (var j = 0u; j < FOUR; j += 1u) {
        for (var half = 0u; half < 2u; half += 1u) {
            let k = first_output + across * 8u + half * 4u + j;
            if k < config.outputs {
                for (var a = 0u; a < FOUR; a += 1u) {
                    let row = first_row + down * 8u + a;
                    if row < config.count {
                        let at = row * config.outputs + k;
                        scores[at] = select(low[a][j], high[a][j], half == 1u) + before(at, k);
                    }
                    if row + 4u < config.count {
                        let at = (row + 4u) * config.outputs + k;
                        scores[at] = select(low[a + 4u][j], high[a + 4u][j], half == 1u) + before(at, k);
                    }
                }
            }
        }
    }
}
