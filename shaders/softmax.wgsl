// softmax, fused with cross-entropy: residual = softmax(scores) − one-hot(label), loss = −ln softmax(scores)[label],
// both by the weight of the label (`reference::softmax`). Scores of ±1,000 and rows a thousand apart are safe: each row takes off its own maximum.
//
// LANES lanes share a row of a model, so that a workgroup is busy with few outputs and with many. A row that does not count for
// a model has neither loss nor residuals there.

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    outputs: u32, // K, of one model
    models: u32, // M
    mask: u32, // words of a row; 0: every row counts for every model
}

override LANES: u32 = 1u; // a power of two, at most 64
const WORKGROUP = 64u;
const NO_LABEL = 0xffffffffu;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>; // of the labels
@group(0) @binding(4) var<storage, read> mask: array<u32>; // a bit a model
@group(0) @binding(5) var<storage, read> scores: array<f32>; // M·K a row
@group(0) @binding(6) var<storage, read_write> residual: array<f32>;
@group(0) @binding(7) var<storage, read_write> losses: array<f32>; // M a row

var<workgroup> lanes: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let lane = local % LANES;
    // Row after row, and of each row the models.
    let pair = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + local / LANES;
    let row = pair / config.models;
    let model = pair % config.models;
    // Rows past the last go through the barriers with no outputs.
    let outputs = select(0u, config.outputs, row < config.count);
    let at = pair * config.outputs;
    var counts = true;
    if config.mask > 0u && row < config.count {
        let words = index[config.first + row] * config.mask;
        counts = ((mask[words + model / 32u] >> (model % 32u)) & 1u) == 1u;
    }

    var high = -3.402823e38;
    for (var k = lane; k < outputs; k += LANES) {
        high = max(high, scores[at + k]);
    }
    lanes[local] = high;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[local] = max(lanes[local], lanes[local + half]);
        }
        workgroupBarrier();
    }
    high = lanes[local - lane];
    workgroupBarrier();

    var sum = 0.0;
    for (var k = lane; k < outputs; k += LANES) {
        let power = exp(scores[at + k] - high);
        residual[at + k] = power;
        sum += power;
    }
    lanes[local] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[local] += lanes[local + half];
        }
        workgroupBarrier();
    }
    sum = lanes[local - lane];

    if row < config.count {
        let label = labels[index[config.first + row]];
        let weight = select(1.0, weights[min(label, config.outputs - 1u)], label != NO_LABEL);
        for (var k = lane; k < outputs; k += LANES) {
            let value = (residual[at + k] / sum - select(0.0, 1.0, k == label)) * weight;
            residual[at + k] = select(0.0, value, counts);
        }
        if lane == 0u {
            var loss = 0.0;
            if label != NO_LABEL && counts {
                loss = weight * ((high - scores[at + label]) + log(sum));
            }
            losses[pair] = loss;
        }
    }
}
