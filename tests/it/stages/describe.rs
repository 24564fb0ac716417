//! describe against what OpenCV counts; `verify` holds it against the reference.

use std::io::Read;

use huemax::backend::{Backend, Bins, Pictures};
use huemax::verify;
use libtest_mimic::Trial;
use sha2::{Digest, Sha256};

use crate::on_both;
use crate::support::{fixture, poisoned_counts, shared};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, all_colours_equal_opencv);
    let there = shared("golden/png").is_some();
    let note = if there { "photographs_equal_opencv" } else { "photographs_equal_opencv (no ../shared)" };
    let before = trials.len();
    crate::support::on_both(trials, note, photographs_equal_opencv, photographs_equal_opencv);
    for trial in trials.split_off(before) {
        let ignored = trial.has_ignored_flag() || !there;
        trials.push(trial.with_ignored_flag(ignored));
    }
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
