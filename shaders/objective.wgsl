// objective: scores, softmax with cross-entropy and gradient in one pass over the features (`reference::objective`).
//
// A workgroup takes one split of the rows. A lane holds the weights and the gradient of its columns in registers for all
// of them; a row is loaded once, scored and multiplied back. Columns come four at a time, as cells; a lane has the
// cells lane, lane + LANES and so on. The host sets the constants and writes the loops over them out (`source.rs`).

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    columns: u32, // D
    split: u32, // rows of a split
    splits: u32, // P
}

const LANES = 32u;
const CELLS = 1u; // of a row, a lane
const OUTPUTS = 2u; // K
const ROWS = 2u; // rows between barriers
const VALUES = CELLS * OUTPUTS;
const SUMS = ROWS * OUTPUTS;
// Lanes that add up the same sum.
const PARTS = LANES / SUMS;
// An odd stride keeps lanes that store out of the same memory bank.
const STRIDE = SUMS + 1u - SUMS % 2u;
const NO_LABEL = 0xffffffffu;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

var<workgroup> of_lanes: array<f32, LANES * STRIDE>;
var<workgroup> of_parts: array<f32, PARTS * SUMS>;
var<workgroup> residuals: array<f32, SUMS>;

// Cell `cell` of a row: four neighbouring columns. Past the end of the row some cell of it, which meets weights of zero.
fn load(row: u32, cell: u32) -> vec4<f32> {
    return features[row * (config.columns / 4u) + min(cell, config.columns / 4u - 1u)];
}

// The weights of a cell; zeros past the end of the row.
fn weights(k: u32, cell: u32) -> vec4<f32> {
    let cells = config.columns / 4u;
    return select(vec4<f32>(), parameters[k * cells + min(cell, cells - 1u)], cell < cells);
}

fn bias(k: u32) -> f32 {
    let at = OUTPUTS * config.columns + k;
    return parameters[at / 4u][at % 4u];
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let split = group.y * groups.x + group.x;
    // Workgroups past the last split have no rows.
    let begin = min(split * config.split, config.count);
    let end = min(begin + config.split, config.count);

    var w: array<vec4<f32>, VALUES>;
    var gradient: array<vec4<f32>, VALUES>;
    for (var k = 0u; k < OUTPUTS; k += 1u) {
        for (var c = 0u; c < CELLS; c += 1u) {
            w[k * CELLS + c] = weights(k, c * LANES + lane);
            gradient[k * CELLS + c] = vec4<f32>();
        }
    }

    var loss = 0.0; // of the rows that this lane turns into residuals
    var bias_gradient = 0.0; // of output `lane`
    for (var first = begin; first < end; first += ROWS) {
        var x: array<vec4<f32>, ROWS * CELLS>;
        for (var r = 0u; r < ROWS; r += 1u) {
            let row = index[config.first + min(first + r, end - 1u)];
            for (var c = 0u; c < CELLS; c += 1u) {
                x[r * CELLS + c] = load(row, c * LANES + lane);
            }
        }
        for (var r = 0u; r < ROWS; r += 1u) {
            for (var k = 0u; k < OUTPUTS; k += 1u) {
                var dot = vec4<f32>();
                for (var c = 0u; c < CELLS; c += 1u) {
                    dot = fma(w[k * CELLS + c], x[r * CELLS + c], dot);
                }
                of_lanes[lane * STRIDE + r * OUTPUTS + k] = (dot.x + dot.y) + (dot.z + dot.w);
            }
        }
        workgroupBarrier();

        let value = lane % SUMS;
        let part = lane / SUMS;
        if part < PARTS {
            var sum = 0.0;
            for (var other = part; other < LANES; other += PARTS) {
                sum += of_lanes[other * STRIDE + value];
            }
            of_parts[part * SUMS + value] = sum;
        }
        workgroupBarrier();

        // A lane a row.
        if lane < ROWS {
            let at = lane * OUTPUTS;
            var high = -3.402823e38;
            for (var k = 0u; k < OUTPUTS; k += 1u) {
                var score = 0.0;
                for (var p = 0u; p < PARTS; p += 1u) {
                    score += of_parts[p * SUMS + at + k];
                }
                score += bias(k);
                residuals[at + k] = score;
                high = max(high, score);
            }
            let there = first + lane < end;
            let label = labels[index[config.first + min(first + lane, end - 1u)]];
            var own = high;
            var sum = 0.0;
            for (var k = 0u; k < OUTPUTS; k += 1u) {
                own = select(own, residuals[at + k], label == k);
                let power = exp(residuals[at + k] - high);
                residuals[at + k] = power;
                sum += power;
            }
            // Past the last row a step repeats it, without effect.
            for (var k = 0u; k < OUTPUTS; k += 1u) {
                let residual = residuals[at + k] / sum - select(0.0, 1.0, label == k);
                residuals[at + k] = select(0.0, residual, there);
            }
            loss += select(0.0, (high - own) + log(sum), there && label != NO_LABEL);
        }
        workgroupBarrier();

        for (var r = 0u; r < ROWS; r += 1u) {
            for (var k = 0u; k < OUTPUTS; k += 1u) {
                let residual = residuals[r * OUTPUTS + k];
                bias_gradient += select(0.0, residual, lane == k);
                for (var c = 0u; c < CELLS; c += 1u) {
                    gradient[k * CELLS + c] = fma(vec4(residual), x[r * CELLS + c], gradient[k * CELLS + c]);
                }
            }
        }
    }

    of_lanes[lane] = loss;
    workgroupBarrier();
    if split < config.splits {
        let at = split * (OUTPUTS * (config.columns + 1u) + 1u);
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            for (var c = 0u; c < CELLS; c += 1u) {
                let d = (c * LANES + lane) * 4u;
                // One loop instead of four conditions: less for a driver to compile.
                for (var j = d; j < min(d + 4u, config.columns); j += 1u) {
                    partials[at + k * config.columns + j] = gradient[k * CELLS + c][j - d];
                }
            }
        }
        if lane < OUTPUTS {
            partials[at + OUTPUTS * config.columns + lane] = bias_gradient;
        }
        if lane == 0u {
            for (var r = 1u; r < ROWS; r += 1u) {
                loss += of_lanes[r];
            }
            partials[at + OUTPUTS * (config.columns + 1u)] = loss;
        }
    }
}
