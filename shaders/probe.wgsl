// probe: no stage of the pipeline, but how fast this device multiplies and adds (`reference::probe`).
//
// A lane keeps 12 chains in registers, none of which waits for another, and takes each of them `rounds` times through
// x ← factor·x + addend. Factor and addend come from the host, so that no compiler can know better.

struct Config {
    lanes: u32,
    rounds: u32,
    factor: f32,
    addend: f32,
}

const LANES = 256u;
const UNROLLED = 8u; // rounds of one turn of the loop

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * groups.x + group.x) * LANES + lane;
    let m = vec4(config.factor);
    let c = vec4(config.addend);
    var x = vec4(0.0, 1.0, 2.0, 3.0) + f32(i % 64u);
    var y = x + 4.0;
    var z = x + 8.0;
    for (var round = 0u; round < config.rounds / UNROLLED; round += 1u) {
        x = m * x + c; y = m * y + c; z = m * z + c;
        x = m * x + c; y = m * y + c; z = m * z + c;
        x = m * x + c; y = m * y + c; z = m * z + c;
        x = m * x + c; y = m * y + c; z = m * z + c;
        x = m * x + c; y = m * y + c; z = m * z + c;
        x = m * x + c; y = m * y + c; z = m * z + c;
        x = m * x + c; y = m * y + c; z = m * z + c;
        x = m * x + c; y = m * y + c; z = m * z + c;
    }
    for (var round = 0u; round < config.rounds % UNROLLED; round += 1u) {
        x = m * x + c; y = m * y + c; z = m * z + c;
    }
    if i < config.lanes {
        sums[i] = dot(x + y + z, vec4(1.0));
    }
}
