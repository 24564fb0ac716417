// adam: moments, L2 and a proximal step on the weights, no penalty on the biases (`reference::adam`). A lane takes one
// parameter.

struct Config {
    parameters: u32, // K·D + K
    weights: u32, // K·D
    learning_rate: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    l2: f32,
    l1: f32,
    scale: f32, // makes a mean of the gradient sum
    correction1: f32, // 1/(1 − beta1ᵗ)
    correction2: f32, // 1/(1 − beta2ᵗ)
}

const LANES = 256u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> first: array<f32>;
@group(0) @binding(4) var<storage, read_write> second: array<f32>;

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
        let l1 = select(0.0, config.l1, is_weight);
        let g = config.scale * gradient[j] + l2 * w;
        let m = config.beta1 * first[j] + (1.0 - config.beta1) * g;
        let v = config.beta2 * second[j] + (1.0 - config.beta2) * (g * g);
        first[j] = m;
        second[j] = v;
        // The root of 0 is 1 / inverseSqrt(0), which WGSL leaves open.
        let square = config.correction2 * v;
        let root = select(sqrt(square), 0.0, square == 0.0);
        let rate = config.learning_rate / (root + config.epsilon);
        parameters[j] = soft_threshold(w - rate * (config.correction1 * m), rate * l1);
    }
}
