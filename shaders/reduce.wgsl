// reduce: column sums of a matrix of partial results, in a fixed order (`reference::reduce`).
//
// LANES lanes share a column, each taking every LANES-th row; neighbouring lanes take neighbouring columns, or, of a
// single column, neighbouring rows. So a few tall columns keep a workgroup as busy as many short ones.

struct Config {
    rows: u32,
    columns: u32,
    at: u32, // element of `sums` for the first column
    accumulate: u32, // 1: add to what is there
}

override LANES: u32 = 1u; // a power of two, at most 256
const WORKGROUP = 256u;
const FOUR = 4u; // rows of a turn: fewer turns for drivers that end long loops

@group(0) @binding(0) var<uniform> config: Config;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

var<workgroup> lanes: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let columns = WORKGROUP / LANES; // of this workgroup
    let lane = local / columns;
    let column = (group.y * groups.x + group.x) * columns + local % columns;

    var sum = 0.0;
    if column < config.columns {
        for (var first = lane; first < config.rows; first += LANES * FOUR) {
            for (var i = 0u; i < FOUR; i += 1u) {
                let row = first + i * LANES;
                if row < config.rows {
                    sum += partials[row * config.columns + column];
                }
            }
        }
    }
    lanes[local] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lanes[local] += lanes[local + half * columns];
        }
        workgroupBarrier();
    }

    if lane == 0u && column < config.columns {
        let before = select(0.0, sums[config.at + column], config.accumulate == 1u);
        sums[config.at + column] = before + lanes[local];
    }
}
