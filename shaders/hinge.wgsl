// hinge of Weston and Watkins: the margins score − score[label] + 1 of all other outputs, as far as they are above 0, or
// their squares (SQUARED), by the weight of the label (`reference::hinge`, `reference::squared_hinge`). The residual of
// the label takes off what the others add. A row without a label has no loss and no residuals.
//
// LANES lanes share a row, so that a workgroup is busy with few outputs and with many.

struct Config {
    first: u32, // of `index`
    count: u32, // n rows
    outputs: u32, // K
}

override LANES: u32 = 1u; // a power of two, at most 64
override SQUARED: u32 = 0u;
const WORKGROUP = 64u;
const NO_LABEL = 0xffffffffu;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>; // of the labels
@group(0) @binding(4) var<storage, read> scores: array<f32>;
@group(0) @binding(5) var<storage, read_write> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> losses: array<f32>;

// Sums of slopes and of losses.
var<workgroup> lanes: array<vec2<f32>, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let lane = local % LANES;
    let row = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + local / LANES;
    // Rows past the last go through the barriers with no outputs.
    let outputs = select(0u, config.outputs, row < config.count);
    let at = row * config.outputs;

    var label = NO_LABEL;
    var own = 0.0;
    var weight = 0.0;
    if row < config.count {
        label = labels[index[config.first + row]];
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
        losses[row] = select(0.0, weight * sums.y, label != NO_LABEL);
    }
}
