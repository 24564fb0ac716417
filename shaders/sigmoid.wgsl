// sigmoid, fused with binary cross-entropy: residual = σ(score) − label, loss = Σ −ln of the probability of what is true,
// each by the weight of the output with or without its label (`reference::sigmoid`). Powers are of −|score| alone, so that
// scores of ±1,000 are safe, and small losses as exact as large ones.
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

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>; // a bit a label
@group(0) @binding(3) var<storage, read> weights: array<f32>; // with each label, then without
@group(0) @binding(4) var<storage, read> mask: array<u32>; // a bit a model
@group(0) @binding(5) var<storage, read> scores: array<f32>; // M·K a row
@group(0) @binding(6) var<storage, read_write> residual: array<f32>;
@group(0) @binding(7) var<storage, read_write> losses: array<f32>; // M a row

var<workgroup> lanes: array<f32, WORKGROUP>;

// ln(1 + x) for 0 ≤ x ≤ 1, relatively exact: 2·artanh(r) with r = x/(2 + x) ≤ 1/3, as eight terms of its power series.
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

    var sum = 0.0;
    if outputs > 0u {
        let words = index[config.first + row] * ((outputs + 31u) / 32u);
        for (var k = lane; k < outputs; k += LANES) {
            let has = ((targets[words + k / 32u] >> (k % 32u)) & 1u) == 1u;
            let weight = weights[k + select(outputs, 0u, has)];
            // A label turns its score around: −ln σ(s) = −ln(1 − σ(−s)).
            let score = scores[at + k];
            let s = select(score, -score, has);
            let power = exp(-abs(s));
            let probability = select(1.0, power, s < 0.0) / (1.0 + power);
            residual[at + k] = select(0.0, select(weight, -weight, has) * probability, counts);
            sum += weight * (max(s, 0.0) + ln_1p(power));
        }
    }
    lanes[local] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[local] += lanes[local + half];
        }
        workgroupBarrier();
    }
    if row < config.count && lane == 0u {
        losses[pair] = select(0.0, lanes[local], counts);
    }
}
