// objective: scores, loss and gradient in one pass over the features (`reference::objective`).
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
const LOSS = 0u; // one of these
const SOFTMAX = 0u;
const SIGMOID = 1u;
const HINGE = 2u;
const SQUARED_HINGE = 3u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>; // of the sigmoid, a bit each
@group(0) @binding(4) var<storage, read> weights_of_labels: array<f32>; // with each label, then without
@group(0) @binding(5) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> partials: array<f32>;

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

// The weight of a row with one label.
fn weight_of(label: u32) -> f32 {
    return select(1.0, weights_of_labels[min(label, OUTPUTS - 1u)], label != NO_LABEL);
}

// ln(1 + x) for 0 ≤ x ≤ 1; see sigmoid.wgsl.
fn ln_1p(x: f32) -> f32 {
    let r = x / (2.0 + x);
    let z = r * r;
    var p = 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    p = p * z + 1.0;
    return 2.0 * r * p;
}

// Residual and loss of an output with this score, in the row of the label or not.
fn sigmoid(score: f32, has: bool) -> vec2<f32> {
    // A label turns its score around: −ln σ(s) = −ln(1 − σ(−s)).
    let s = select(score, -score, has);
    let power = exp(-abs(s));
    let probability = select(1.0, power, s < 0.0) / (1.0 + power);
    return vec2(select(probability, -probability, has), max(s, 0.0) + ln_1p(power));
}

// Slope and loss of an output with this score, in a row whose label has the score `own`.
fn hinge(score: f32, own: f32) -> vec2<f32> {
    let margin = (score - own) + 1.0;
    // Written so that a NaN stays one.
    let above = select(margin, 0.0, margin < 0.0);
    if LOSS == SQUARED_HINGE {
        return vec2(2.0 * above, above * above);
    }
    return vec2(select(0.0, 1.0, above > 0.0), above);
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
            // Past the last row a step repeats it, without effect.
            if LOSS == SOFTMAX {
                let weight = weight_of(label);
                var own = high;
                var sum = 0.0;
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    own = select(own, residuals[at + k], label == k);
                    let power = exp(residuals[at + k] - high);
                    residuals[at + k] = power;
                    sum += power;
                }
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    let residual = residuals[at + k] / sum - select(0.0, 1.0, label == k);
                    residuals[at + k] = select(0.0, residual * weight, there);
                }
                loss += select(0.0, weight * ((high - own) + log(sum)), there && label != NO_LABEL);
            } else if LOSS == SIGMOID {
                var sum = 0.0;
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    let has = ((label >> k) & 1u) == 1u;
                    let weight = weights_of_labels[k + select(OUTPUTS, 0u, has)];
                    let output = weight * sigmoid(residuals[at + k], has);
                    residuals[at + k] = select(0.0, output.x, there);
                    sum += output.y;
                }
                loss += select(0.0, sum, there);
            } else {
                var own = 0.0;
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    own = select(own, residuals[at + k], label == k);
                }
                let counts = there && label != NO_LABEL;
                let weight = weight_of(label);
                var sum = vec2<f32>();
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    let output = select(hinge(residuals[at + k], own), vec2<f32>(), label == k);
                    residuals[at + k] = select(0.0, weight * output.x, counts);
                    sum += output;
                }
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    residuals[at + k] = select(residuals[at + k], -(weight * sum.x), counts && label == k);
                }
                loss += select(0.0, weight * sum.y, counts);
            }
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
