// scores: scores[i,k] = Σ_d x[i,d]·w[k,d] + b[k] (`reference::scores`).
//
// A workgroup makes a tile of 16 rows × 16 outputs; 16 columns of both sides at a time lie in workgroup memory.

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    columns: u32, // D
    outputs: u32, // K
}

const TILE = 16u;
// One column more than the tile is wide keeps the lanes of a column out of the same memory bank.
const STRIDE = TILE + 1u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read_write> scores: array<f32>;

var<workgroup> x_tile: array<f32, TILE * STRIDE>;
var<workgroup> w_tile: array<f32, TILE * STRIDE>;

@compute @workgroup_size(TILE, TILE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let output_tiles = (config.outputs + TILE - 1u) / TILE;
    let id = group.y * groups.x + group.x;
    let first_row = id / output_tiles * TILE;
    let first_output = id % output_tiles * TILE;

    // This lane loads column local.x of row (and of output) local.y, and makes the score of row local.y, output local.x.
    let load_row = first_row + local.y;
    let load_output = first_output + local.y;
    let load_x = load_row < config.count;
    let load_w = load_row - local.y < config.count && load_output < config.outputs;
    var feature_row = 0u;
    if load_x {
        feature_row = index[config.first + load_row] * config.columns;
    }

    var sum = 0.0;
    for (var d = 0u; d < config.columns; d += TILE) {
        let column = d + local.x;
        var x = 0.0;
        var w = 0.0;
        if load_x && column < config.columns {
            x = features[feature_row + column];
        }
        if load_w && column < config.columns {
            w = parameters[load_output * config.columns + column];
        }
        x_tile[local.y * STRIDE + local.x] = x;
        w_tile[local.y * STRIDE + local.x] = w;
        workgroupBarrier();
        for (var j = 0u; j < TILE; j += 1u) {
            sum += x_tile[local.y * STRIDE + j] * w_tile[local.x * STRIDE + j];
        }
        workgroupBarrier();
    }

    let k = first_output + local.x;
    if load_x && k < config.outputs {
        scores[load_row * config.outputs + k] = sum + parameters[config.outputs * config.columns + k];
    }
}
