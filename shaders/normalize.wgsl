// normalize: each row of counts over its L2 norm; a row of zeros stays zero (`reference::normalize`).
// A workgroup takes one row.

struct Config {
    rows: u32,
    columns: u32,
}

const LANES = 64u;

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> features: array<f32>;

var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = group.y * groups.x + group.x;
    let columns = select(0u, config.columns, row < config.rows);
    let at = row * config.columns;

    var squares = 0.0;
    for (var d = lane; d < columns; d += LANES) {
        let count = f32(counts[at + d]);
        squares += count * count;
    }
    sums[lane] = squares;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            sums[lane] += sums[lane + half];
        }
        workgroupBarrier();
    }

    // The smallest sum that is not zero is 1.
    let norm = sqrt(max(sums[0], 1.0));
    for (var d = lane; d < columns; d += LANES) {
        features[at + d] = f32(counts[at + d]) / norm;
    }
}
