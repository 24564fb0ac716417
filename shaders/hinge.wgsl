// hinge of Weston and Watkins: the margins score − score[label] + 1 of all other outputs, as far as they are above 0, or
// their squares (SQUARED), by the weight of the label (`reference::hinge`, `reference::squared_hinge`). The residual of
// the label takes off what the others add. A row without a label has no loss and no residuals.
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
override SQUARED: u32 = 0u;
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

// Sums of slopes and of losses.
var<workgroup> lanes: array<vec2<f32>, WORKGROUP>;

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

    var label = NO_LABEL;
    var own = 0.0;
    var weight = 0.0;
    if row < config.count {
        // A row that does not count is one without a label.
        label = select(NO_LABEL, labels[index[config.first + row]], counts);
        if label != NO_LABEL {
            own = scores[at + label];
            weight = weights[label];
        }
    }
    var sums = vec2<f32>();
    for (var k = lane; k < outputs; k += LANES) {
        let margin = (scores[at + k] - own) + 1.0;
        // Written so that a NaN stays one.
        let above = select(margin, 0.0, margin < 0.0 || k == label);
        let slope = select(select(0.0, 1.0, above > 0.0), 2.0 * above, SQUARED == 1u);
        if k != label {
            residual[at + k] = select(0.0, weight * slope, label != NO_LABEL);
        }
        sums += vec2(slope, select(above, above * above, SQUARED == 1u));
    }
    lanes[local] = sums;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[local] += lanes[local + half];
        }
        workgroupBarrier();
    }
    if row < config.count && lane == 0u {
        sums = lanes[local];
        if label != NO_LABEL {
            residual[at + label] = -(weight * sums.x);
        }
        losses[pair] = select(0.0, weight * sums.y, label != NO_LABEL);
    }
}
