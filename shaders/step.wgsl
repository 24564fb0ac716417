// step: momentum and L2 on the weights, no penalty on the biases (`reference::step`). A lane takes one parameter.

struct Config {
    parameters: u32, // K·D + K
    weights: u32, // K·D
    learning_rate: f32,
    momentum: f32,
    l2: f32,
    scale: f32, // makes a mean of the gradient sum
}

const LANES = 256u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let j = (group.y * groups.x + group.x) * LANES + lane;
    if j < config.parameters {
        let w = parameters[j];
        let l2 = select(0.0, config.l2, j < config.weights);
        let v = config.momentum * velocity[j] + config.scale * gradient[j] + l2 * w;
        velocity[j] = v;
        parameters[j] = w - config.learning_rate * v;
    }
}
