//! describe: exact on every colour, every shape of picture, every number of bins.

use std::io::Read;

use huemax::backend::{Backend, Bins, Gpu, Pictures, reference};
use huemax::verify;
use libtest_mimic::Trial;
use rand::Rng;
use sha2::{Digest, Sha256};

use crate::on_both;
use crate::support::{adapters, fixture, on_gpu_only, poisoned_counts, random, shared};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, all_colours_equal_opencv);
    on_both!(trials, every_hue_saturation_and_value);
    on_both!(trials, hostile_pictures_in_one_batch);
    on_both!(trials, many_bins);
    on_both!(trials, an_empty_picture_and_an_empty_batch);
    on_both!(trials, past_65535_workgroups);
    on_gpu_only(trials, "a_picture_larger_than_a_binding", |_| a_picture_larger_than_a_binding());
    let there = shared("golden/png").is_some();
    let note = if there { "photographs_equal_opencv" } else { "photographs_equal_opencv (no ../shared)" };
    let before = trials.len();
    crate::support::on_both(trials, note, photographs_equal_opencv, photographs_equal_opencv);
    for trial in trials.split_off(before) {
        let ignored = trial.has_ignored_flag() || !there;
        trials.push(trial.with_ignored_flag(ignored));
    }
}

/// Counts on the device, and how the same pictures count in the reference.
fn check<B: Backend>(backend: &B, pictures: &Pictures, counts: [u32; 3]) {
    let bins = Bins::new(counts).expect("bins");
    let mut got = poisoned_counts(backend, pictures.len() * bins.len());
    backend.describe(pictures, &bins, &mut got).expect("describe");
    let got = backend.download(&got, pictures.len() * bins.len()).expect("download");
    let expected: Vec<u32> =
        (0..pictures.len()).flat_map(|i| reference::describe(pictures.rgb(i), &bins)).collect();
    verify::exact(&expected, &got).unwrap_or_else(|e| panic!("bins {counts:?}: {e}"));
}

fn cube() -> Vec<u8> {
    (0..1u32 << 24).flat_map(|c| [(c >> 16) as u8, (c >> 8) as u8, c as u8]).collect()
}

fn all_colours_equal_opencv<B: Backend>(backend: &B) {
    let golden = fixture("hsv.json");
    let mut pictures = Pictures::new();
    pictures.push(&cube());
    for counts in [[8, 8, 8], [26, 5, 7], [16, 16, 16]] {
        let bins = Bins::new(counts).expect("bins");
        let mut got = poisoned_counts(backend, bins.len());
        backend.describe(&pictures, &bins, &mut got).expect("describe");
        let bytes: Vec<u8> = backend
            .download(&got, bins.len())
            .expect("download")
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect();
        let [h, s, v] = counts;
        let name = format!("hist_{h}x{s}x{v}_u32le_sha256");
        assert_eq!(hex(&Sha256::digest(bytes)), golden[&name].as_str().expect("a hash"), "{name}");
    }
}

/// 4,096 pictures of 4,096 colours each, a channel at a time: a wrong colour hides only behind the opposite mistake in
/// the same picture.
fn every_hue_saturation_and_value<B: Backend>(backend: &B) {
    let cube = cube();
    for part in cube.chunks(cube.len() / 8) {
        let mut pictures = Pictures::new();
        part.chunks_exact(3 * 4096).for_each(|p| pictures.push(p));
        for counts in [[180, 1, 1], [1, 256, 1], [1, 1, 256]] {
            check(backend, &pictures, counts);
        }
    }
}

fn noise(rng: &mut impl Rng, pixels: usize) -> Vec<u8> {
    let mut bytes = vec![0; 3 * pixels];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Flat, grey, black, hue wrap, gradients and noise; one pixel, and lengths around every block, tile and word.
fn hostile() -> Pictures {
    let rng = &mut random(1);
    let mut pictures = Pictures::new();
    for colour in [[0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 0, 1], [255, 1, 0], [200, 30, 90]] {
        for pixels in [1, 2, 3, 4, 5, 1023, 40_000] {
            pictures.push(&colour.repeat(pixels));
        }
    }
    for pixels in [1, 7, 255, 256, 257, 1021, 1023, 1024, 1025, 4099, 16_383, 16_384, 16_385, 131_071] {
        pictures.push(&noise(rng, pixels));
    }
    // Around hue 0 = 180, where a sign or a bound one off would show.
    let wrap: Vec<u8> =
        (0..=255u8).flat_map(|x| [[255, 0, x], [255, x, 0], [x, 0, x / 2]].concat()).collect();
    pictures.push(&wrap);
    let gradient: Vec<u8> = (0..65_536u32).flat_map(|i| [(i >> 8) as u8, i as u8, (i / 3) as u8]).collect();
    pictures.push(&gradient);
    pictures
}

fn hostile_pictures_in_one_batch<B: Backend>(backend: &B) {
    let pictures = hostile();
    // 26 and 52 hue bins are among those that integer division gets wrong; 2 and 1 leave lanes idle.
    for counts in
        [[8, 8, 8], [26, 5, 7], [52, 3, 2], [16, 4, 1], [1, 1, 1], [2, 1, 1], [13, 11, 7], [16, 16, 16]]
    {
        check(backend, &pictures, counts);
    }
}

/// More bins than workgroup memory holds: several windows.
fn many_bins<B: Backend>(backend: &B) {
    let mut pictures = Pictures::new();
    pictures.push(&noise(&mut random(2), 50_021));
    pictures.push(&[9, 9, 9]);
    for counts in [[17, 17, 16], [180, 16, 16], [16, 64, 64], [180, 19, 19]] {
        check(backend, &pictures, counts);
    }
}

fn an_empty_picture_and_an_empty_batch<B: Backend>(backend: &B) {
    let bins = Bins::new([8, 8, 8]).expect("bins");
    let mut pictures = Pictures::new();
    let mut counts = poisoned_counts(backend, 512);
    backend.describe(&pictures, &bins, &mut counts).expect("an empty batch");
    pictures.push(&[]);
    backend.describe(&pictures, &bins, &mut counts).expect("an empty picture");
    assert_eq!(backend.download(&counts, 512).expect("download"), vec![0; 512]);
}

fn past_65535_workgroups<B: Backend>(backend: &B) {
    let rng = &mut random(3);
    let mut pictures = Pictures::new();
    for i in 0..70_001 {
        pictures.push(&noise(rng, 1 + i % 3));
    }
    check(backend, &pictures, [4, 2, 2]);
}

/// With arrays of at most 1 MiB, a picture of 3 MB is uploaded and counted in several pieces.
fn a_picture_larger_than_a_binding() {
    let gpu: Gpu = adapters()[0].open_within(1 << 20).expect("a small device");
    let rng = &mut random(4);
    let mut pictures = Pictures::new();
    pictures.push(&noise(rng, 1_000_003));
    pictures.push(&noise(rng, 77));
    pictures.push(&noise(rng, 400_000));
    check(&gpu, &pictures, [8, 8, 8]);
    // The largest windows, on a device that offers no more than WebGPU guarantees.
    check(&gpu, &pictures, [16, 16, 16]);
    check(&gpu, &pictures, [32, 16, 16]);
}

/// Photographs that OpenCV counted. The pictures belong to others and are not part of the project; its figures are.
fn photographs_equal_opencv<B: Backend>(backend: &B) {
    let folder = shared("golden/png").expect("the test is ignored without it");
    let golden = fixture("histograms.json");
    for (name, entry) in golden.as_object().expect("an object") {
        let mut file = Vec::new();
        let mut reader = std::fs::File::open(folder.join(name)).expect("the picture");
        reader.read_to_end(&mut file).expect("the picture");
        let rgb = image::load_from_memory(&file).expect("a PNG").to_rgb8().into_raw();
        assert_eq!(hex(&Sha256::digest(&rgb)), entry["rgb_sha256"].as_str().expect("a hash"));
        let mut pictures = Pictures::new();
        pictures.push(&rgb);
        for counts in [[8, 8, 8], [26, 5, 7], [16, 4, 1]] {
            let [h, s, v] = counts;
            let bins = Bins::new(counts).expect("bins");
            let golden = &entry[format!("{h}x{s}x{v}")];
            let list = |key: &str| -> Vec<f64> {
                golden[key]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|v| v.as_f64().expect("a number"))
                    .collect()
            };
            let mut expected = vec![0; bins.len()];
            let found = list("bins");
            for (bin, count) in found.iter().zip(list("counts")) {
                expected[*bin as usize] = count as u32;
            }
            let mut got = poisoned_counts(backend, bins.len());
            backend.describe(&pictures, &bins, &mut got).expect("describe");
            let mut features = crate::support::poisoned(backend, bins.len());
            backend.normalize(&got, 1, bins.len(), &mut features).expect("normalize");
            verify::exact(&expected, &backend.download(&got, bins.len()).expect("download"))
                .unwrap_or_else(|e| panic!("{name} {counts:?}: {e}"));
            let features = backend.download(&features, bins.len()).expect("download");
            let expected = list("feature_first_nonzero");
            let got: Vec<f32> = found.iter().zip(&expected).map(|(&bin, _)| features[bin as usize]).collect();
            // OpenCV's own feature is an f32 besides: one more rounding.
            let bound: Vec<f64> = expected
                .iter()
                .map(|e| e * (verify::bounds::gamma(bins.len() + 3) / 2.0 + verify::bounds::gamma(16)))
                .collect();
            verify::within(&expected, &got, &bound).unwrap_or_else(|e| panic!("{name} {counts:?}: {e}"));
        }
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
