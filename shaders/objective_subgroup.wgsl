// objective where one subgroup holds a whole row: as objective.wgsl, with sums over lanes by subgroup operations, and
// without workgroup memory or barriers (`reference::objective`).

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    columns: u32, // D
    split: u32, // rows of a split
    splits: u32, // P
}

const LANES = 8u; // of a workgroup, and of a subgroup
const CELLS = 2u; // of a row, a lane
const OUTPUTS = 2u; // K
const ROWS = 2u; // rows of a step: a weight is taken up once for all of them
const VALUES = CELLS * OUTPUTS;
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
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let split = group.y * groups.x + group.x;
    let begin = min(split * config.split, config.count);
    let end = min(begin + config.split, config.count);

    var w: array<vec4<f32>, VALUES>;
    var gradient: array<vec4<f32>, VALUES>;
    var biases: array<f32, OUTPUTS>;
    var bias_gradient: array<f32, OUTPUTS>;
    for (var k = 0u; k < OUTPUTS; k += 1u) {
        biases[k] = bias(k);
        bias_gradient[k] = 0.0;
        for (var c = 0u; c < CELLS; c += 1u) {
            w[k * CELLS + c] = weights(k, c * LANES + lane);
            gradient[k * CELLS + c] = vec4<f32>();
        }
    }

    var loss = 0.0;
    for (var first = begin; first < end; first += ROWS) {
        var x: array<vec4<f32>, ROWS * CELLS>;
        var label: array<u32, ROWS>;
        for (var r = 0u; r < ROWS; r += 1u) {
            let row = index[config.first + min(first + r, end - 1u)];
            label[r] = labels[row];
            for (var c = 0u; c < CELLS; c += 1u) {
                x[r * CELLS + c] = load(row, c * LANES + lane);
            }
        }
        // Every lane knows every score.
        var p: array<f32, ROWS * OUTPUTS>;
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            var dot: array<vec4<f32>, ROWS>;
            for (var c = 0u; c < CELLS; c += 1u) {
                for (var r = 0u; r < ROWS; r += 1u) {
                    dot[r] = fma(w[k * CELLS + c], x[r * CELLS + c], dot[r]);
                }
            }
            for (var r = 0u; r < ROWS; r += 1u) {
                let sum = (dot[r].x + dot[r].y) + (dot[r].z + dot[r].w);
                p[r * OUTPUTS + k] = subgroupAdd(sum) + biases[k];
            }
        }
        for (var r = 0u; r < ROWS; r += 1u) {
            // Past the last row a step repeats it, without effect.
            let there = first + r < end;
            if LOSS == SOFTMAX {
                let weight = weight_of(label[r]);
                var high = p[r * OUTPUTS];
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    high = max(high, p[r * OUTPUTS + k]);
                }
                var own = high;
                var sum = 0.0;
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    own = select(own, p[r * OUTPUTS + k], label[r] == k);
                    p[r * OUTPUTS + k] = exp(p[r * OUTPUTS + k] - high);
                    sum += p[r * OUTPUTS + k];
                }
                loss += select(0.0, weight * ((high - own) + log(sum)), there && label[r] != NO_LABEL);
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    let residual = p[r * OUTPUTS + k] / sum - select(0.0, 1.0, label[r] == k);
                    p[r * OUTPUTS + k] = select(0.0, residual * weight, there);
                }
            } else if LOSS == SIGMOID {
                var sum = 0.0;
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    let has = ((label[r] >> k) & 1u) == 1u;
                    let weight = weights_of_labels[k + select(OUTPUTS, 0u, has)];
                    let output = weight * sigmoid(p[r * OUTPUTS + k], has);
                    p[r * OUTPUTS + k] = select(0.0, output.x, there);
                    sum += output.y;
                }
                loss += select(0.0, sum, there);
            } else {
                var own = 0.0;
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    own = select(own, p[r * OUTPUTS + k], label[r] == k);
                }
                let counts = there && label[r] != NO_LABEL;
                let weight = weight_of(label[r]);
                var sum = vec2<f32>();
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    let output = select(hinge(p[r * OUTPUTS + k], own), vec2<f32>(), label[r] == k);
                    p[r * OUTPUTS + k] = select(0.0, weight * output.x, counts);
                    sum += output;
                }
                for (var k = 0u; k < OUTPUTS; k += 1u) {
                    p[r * OUTPUTS + k] = select(p[r * OUTPUTS + k], -(weight * sum.x), counts && label[r] == k);
                }
                loss += select(0.0, weight * sum.y, counts);
            }
            for (var k = 0u; k < OUTPUTS; k += 1u) {
                bias_gradient[k] += p[r * OUTPUTS + k];
            }
        }
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            for (var c = 0u; c < CELLS; c += 1u) {
                for (var r = 0u; r < ROWS; r += 1u) {
                    gradient[k * CELLS + c] = fma(vec4(p[r * OUTPUTS + k]), x[r * CELLS + c], gradient[k * CELLS + c]);
                }
            }
        }
    }

    // Workgroups past the last split store nothing.
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
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            if lane == 0u {
                partials[at + OUTPUTS * config.columns + k] = bias_gradient[k];
            }
        }
        if lane == 0u {
            partials[at + OUTPUTS * (config.columns + 1u)] = loss;
        }
    }
}
