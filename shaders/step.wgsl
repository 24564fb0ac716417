// step: momentum, L2 and a proximal step on the weights, no penalty on the biases (`reference::step`). A lane takes one
// parameter.

struct Config {
    parameters: u32, // K·D + K
    weights: u32, // K·D
    learning_rate: f32,
    momentum: f32,
    nesterov: u32, // 1: look ahead along the velocity
    l2: f32,
    l1: f32,
    scale: f32, // makes a mean of the gradient sum
}

const LANES = 256u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;

// `w` closer to zero by `threshold`, and no further than zero.
fn soft_threshold(w: f32, threshold: f32) -> f32 {
    return select(w - sign(w) * threshold, 0.0, abs(w) <= threshold);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let j = (group.y * groups.x + group.x) * LANES + lane;
    if j < config.parameters {
        let w = parameters[j];
        let is_weight = j < config.weights;
        let l2 = select(0.0, config.l2, is_weight);
        let threshold = select(0.0, config.learning_rate * config.l1, is_weight);
        let g = config.scale * gradient[j] + l2 * w;
        let v = config.momentum * velocity[j] + g;
        velocity[j] = v;
        let direction = select(v, g + config.momentum * v, config.nesterov == 1u);
        parameters[j] = soft_threshold(w - config.learning_rate * direction, threshold);
    }
}
