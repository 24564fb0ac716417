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
const VALUES = CELLS * OUTPUTS;
const NO_LABEL = 0xffffffffu;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> parameters: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

// Cell `cell` of a row: four neighbouring columns. Past the end of the row some cell of it, which meets weights of zero.
fn load(row: u32, cell: u32) -> vec4<f32> {
    return features[row * (config.columns / 4u) + min(cell, config.columns / 4u - 1u)];
}

fn weight(k: u32, column: u32) -> f32 {
    if column < config.columns {
        return parameters[k * config.columns + column];
    }
    return 0.0;
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
    var bias: array<f32, OUTPUTS>;
    var bias_gradient: array<f32, OUTPUTS>;
    for (var k = 0u; k < OUTPUTS; k += 1u) {
        bias[k] = parameters[OUTPUTS * config.columns + k];
        bias_gradient[k] = 0.0;
        for (var c = 0u; c < CELLS; c += 1u) {
            let d = (c * LANES + lane) * 4u;
            w[k * CELLS + c] = vec4(weight(k, d), weight(k, d + 1u), weight(k, d + 2u), weight(k, d + 3u));
            gradient[k * CELLS + c] = vec4<f32>();
        }
    }

    var loss = 0.0;
    for (var i = begin; i < end; i += 1u) {
        let row = index[config.first + i];
        let label = labels[row];
        var x: array<vec4<f32>, CELLS>;
        for (var c = 0u; c < CELLS; c += 1u) {
            x[c] = load(row, c * LANES + lane);
        }
        // Every lane knows every score of the row.
        var p: array<f32, OUTPUTS>;
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            var dot = vec4<f32>();
            for (var c = 0u; c < CELLS; c += 1u) {
                dot = fma(w[k * CELLS + c], x[c], dot);
            }
            p[k] = subgroupAdd((dot.x + dot.y) + (dot.z + dot.w)) + bias[k];
        }
        var high = p[0];
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            high = max(high, p[k]);
        }
        var own = high;
        var sum = 0.0;
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            own = select(own, p[k], label == k);
            p[k] = exp(p[k] - high);
            sum += p[k];
        }
        loss += select((high - own) + log(sum), 0.0, label == NO_LABEL);
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            let residual = p[k] / sum - select(0.0, 1.0, label == k);
            bias_gradient[k] += residual;
            for (var c = 0u; c < CELLS; c += 1u) {
                gradient[k * CELLS + c] = fma(vec4(residual), x[c], gradient[k * CELLS + c]);
            }
        }
    }

    // Workgroups past the last split store nothing.
    if split < config.splits {
        let at = split * (OUTPUTS * (config.columns + 1u) + 1u);
        for (var k = 0u; k < OUTPUTS; k += 1u) {
            for (var c = 0u; c < CELLS; c += 1u) {
                let d = (c * LANES + lane) * 4u;
                for (var j = 0u; j < 4u; j += 1u) {
                    if d + j < config.columns {
                        partials[at + k * config.columns + d + j] = gradient[k * CELLS + c][j];
                    }
                }
            }
            if lane == 0u {
                partials[at + OUTPUTS * config.columns + k] = bias_gradient[k];
            }
        }
        if lane == 0u {
            partials[at + OUTPUTS * (config.columns + 1u)] = loss;
        }
    }
}
