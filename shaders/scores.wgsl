// scores: scores[i,k] = Σ_d x[i,d]·w[k,d] + b[k] (`reference::scores`).
//
// A workgroup makes a tile of 64 rows × 16 outputs: a lane keeps the 16 sums of its row in registers, while 32 columns
// of both sides at a time lie in workgroup memory. Between two barriers a lane does 512 multiplications.

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    columns: u32, // D
    outputs: u32, // K
}

const ROWS = 64u; // and lanes
const OUTPUTS = 16u;
const COLUMNS = 32u;
// One column more than the tile is wide keeps the lanes of a column out of the same memory bank.
const STRIDE = COLUMNS + 1u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> scores: array<f32>;

var<workgroup> row_start: array<u32, ROWS>;
var<workgroup> x_tile: array<f32, ROWS * STRIDE>;
// Four outputs to a vector, four vectors to a column.
var<workgroup> w_tile: array<vec4<f32>, COLUMNS * 4u>;

fn weight(k: u32, column: u32) -> f32 {
    if k < config.outputs && column < config.columns {
        return parameters[k * config.columns + column];
    }
    return 0.0;
}

fn store(row: u32, k: u32, sums: vec4<f32>) {
    for (var j = 0u; j < 4u; j += 1u) {
        if row < config.count && k + j < config.outputs {
            let bias = parameters[config.outputs * config.columns + k + j];
            scores[row * config.outputs + k + j] = sums[j] + bias;
        }
    }
}

@compute @workgroup_size(ROWS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let output_tiles = (config.outputs + OUTPUTS - 1u) / OUTPUTS;
    let id = group.y * groups.x + group.x;
    let first_row = id / output_tiles * ROWS;
    let k = id % output_tiles * OUTPUTS;

    // Rows past the last load nothing and store nothing.
    var start = 0u;
    if first_row + lane < config.count {
        start = index[config.first + first_row + lane] * config.columns;
    }
    row_start[lane] = start;
    workgroupBarrier();

    var a = vec4<f32>();
    var b = vec4<f32>();
    var c = vec4<f32>();
    var d = vec4<f32>();
    for (var first = 0u; first < config.columns; first += COLUMNS) {
        // Neighbouring lanes load neighbouring columns.
        for (var i = lane; i < ROWS * COLUMNS; i += ROWS) {
            let row = i / COLUMNS;
            let column = i % COLUMNS;
            var x = 0.0;
            if first_row + row < config.count && first + column < config.columns {
                x = features[row_start[row] + first + column];
            }
            x_tile[row * STRIDE + column] = x;
        }
        for (var i = lane; i < COLUMNS * 4u; i += ROWS) {
            let column = first + i % COLUMNS;
            let output = k + i / COLUMNS * 4u;
            w_tile[i % COLUMNS * 4u + i / COLUMNS] = vec4(
                weight(output, column), weight(output + 1u, column),
                weight(output + 2u, column), weight(output + 3u, column),
            );
        }
        workgroupBarrier();
        for (var column = 0u; column < COLUMNS; column += 1u) {
            let x = x_tile[lane * STRIDE + column];
            a += x * w_tile[column * 4u];
            b += x * w_tile[column * 4u + 1u];
            c += x * w_tile[column * 4u + 2u];
            d += x * w_tile[column * 4u + 3u];
        }
        workgroupBarrier();
    }

    let row = first_row + lane;
    store(row, k, a);
    store(row, k + 4u, b);
    store(row, k + 8u, c);
    store(row, k + 12u, d);
}
