// describe: HSV joint histograms of many pictures in one dispatch.
//
// A workgroup counts one tile: a run of pixels of one picture, into one window of that picture's bins. It counts
// in workgroup memory and then adds what it found to the picture's row. All arithmetic is in integers, and integer
// additions commute: the counts are exact whatever the order (`reference::describe`, OpenCV's cvtColor + calcHist).

struct Config {
    tiles: u32,
    bins: u32,
}

struct Tile {
    first_word: u32, // where its pixels begin in `pixels`
    pixels: u32,
    picture: u32, // row of `counts`
    first_bin: u32, // the window is first_bin .. first_bin + WINDOW
}

override WINDOW: u32 = 512u;
// Threads count into different copies of the histogram, so that on a flat colour fewer of them wait for each other.
override COPIES: u32 = 4u;
const LANES = 256u;

@group(0) @binding(0) var<uniform> config: Config;
// Five tables of 256: reciprocals for saturation and for hue, then bins of hue, saturation and value.
@group(0) @binding(1) var<storage, read> tables: array<u32>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> pixels: array<u32>;
@group(0) @binding(4) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> histogram: array<atomic<u32>, WINDOW * COPIES>;

// Bin of the colour r | g << 8 | b << 16. Bits above 24 are ignored.
fn bin_of(rgb: u32) -> u32 {
    let r = i32(rgb & 0xffu);
    let g = i32((rgb >> 8u) & 0xffu);
    let b = i32((rgb >> 16u) & 0xffu);
    let v = max(max(r, g), b);
    let d = v - min(min(r, g), b);
    let s = (d * i32(tables[v]) + 2048) >> 12u;
    let sextant = select(select(r - g + 4 * d, b - r + 2 * d, v == g), g - b, v == r);
    let h = (sextant * i32(tables[256 + d]) + 2048) >> 12u;
    let hue = select(h, h + 180, h < 0);
    return tables[512 + hue] + tables[768 + s] + tables[1024 + v];
}

fn count(rgb: u32, first_bin: u32, copy: u32) {
    let at = bin_of(rgb) - first_bin; // wraps to a large number for bins below the window
    if at < WINDOW {
        atomicAdd(&histogram[at * COPIES + copy], 1u);
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let id = group.y * groups.x + group.x;
    let tile = tiles[min(id, config.tiles - 1u)];
    // Workgroups past the last tile go through the barriers with nothing to count.
    let count_of_pixels = select(0u, tile.pixels, id < config.tiles);

    for (var i = lane; i < WINDOW * COPIES; i += LANES) {
        atomicStore(&histogram[i], 0u);
    }
    workgroupBarrier();

    // Four pixels are three words: r0 g0 b0 r1 | g1 b1 r2 g2 | b2 r3 g3 b3.
    let copy = lane % COPIES;
    for (var first = lane * 4u; first < count_of_pixels; first += LANES * 4u) {
        let at = tile.first_word + first / 4u * 3u;
        let w0 = pixels[at];
        let w1 = pixels[at + 1u];
        let w2 = pixels[at + 2u];
        let left = count_of_pixels - first;
        count(w0, tile.first_bin, copy);
        if left > 1u {
            count((w0 >> 24u) | (w1 << 8u), tile.first_bin, copy);
        }
        if left > 2u {
            count((w1 >> 16u) | (w2 << 16u), tile.first_bin, copy);
        }
        if left > 3u {
            count(w2 >> 8u, tile.first_bin, copy);
        }
    }
    workgroupBarrier();

    let row = tile.picture * config.bins + tile.first_bin;
    for (var i = lane; i < min(WINDOW, config.bins - tile.first_bin); i += LANES) {
        var sum = 0u;
        for (var copy = 0u; copy < COPIES; copy += 1u) {
            sum += atomicLoad(&histogram[i * COPIES + copy]);
        }
        if sum > 0u {
            atomicAdd(&counts[row + i], sum);
        }
    }
}
