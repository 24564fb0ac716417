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

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

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
            // Past the last row a step repeats it, without effect.
            let there = first + r < end;
            loss += select(0.0, (high - own) + log(sum), there && label[r] != NO_LABEL);
            for (var k = 0u; k < OUTPUTS; k += 1u) {
                let residual = p[r * OUTPUTS + k] / sum - select(0.0, 1.0, label[r] == k);
                p[r * OUTPUTS + k] = select(0.0, residual, there);
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
