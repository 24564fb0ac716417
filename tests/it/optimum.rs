//! Multi-label measures at the optimum of UC Merced's 17 tags: features, labels and weights from ../shared, figures by
//! scikit-learn 1.9 (`golden/optimum.json`). A small fixture of the project stands in where that folder is not there.

use std::io::Read;
use std::path::Path;

use huemax::metrics::{MultiLabel, sigmoid};
use libtest_mimic::Trial;
use ndarray::{Array1, Array2, ArrayView2};

use crate::support::shared;

pub fn register(trials: &mut Vec<Trial>) {
    let there = shared("golden/optimum.json").is_some();
    let note = if there { "" } else { " (no ../shared)" };
    let trial = |name: &str, test: fn()| {
        Trial::test(format!("{name}{note}"), move || {
            test();
            Ok(())
        })
        .with_ignored_flag(!there)
    };
    trials.push(trial("optimum::multi_label_equals_scikit_learn", multi_label_equals_scikit_learn));
    trials.push(trial("optimum::the_comparison_sees_a_wrong_weight", the_comparison_sees_a_wrong_weight));
}

/// The bytes of an `.npy` file: its shape as it is written, and what follows the header.
fn npy<'a>(bytes: &'a [u8], kind: &str) -> (String, &'a [u8]) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\0", "an .npy file of version 1.0");
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..end]).into_owned();
    assert!(header.contains(&format!("'{kind}'")) && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split(['(', ')']).nth(1).expect("a shape").to_owned();
    (shape, &bytes[end..])
}

/// The files of an `.npz`, inflated, in their order. Sizes are read from the ends of the local headers: 32-bit ones
/// or, where these are all ones, those of the ZIP64 field that NumPy writes.
fn npz(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).expect("an archive");
    let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let mut files = Vec::new();
    let mut at = 0;
    while bytes[at..].starts_with(b"PK\x03\x04") {
        assert_eq!((short(at + 6) & 8, short(at + 8)), (0, 8), "deflated, sizes in front");
        let extra = at + 30 + short(at + 26);
        let data = extra + short(at + 28);
        assert_eq!(short(extra), 1, "a ZIP64 field");
        let packed = u64::from_le_bytes(bytes[extra + 12..extra + 20].try_into().expect("8 bytes")) as usize;
        let mut file = Vec::new();
        flate2::read::DeflateDecoder::new(&bytes[data..data + packed])
            .read_to_end(&mut file)
            .expect("deflate");
        files.push(file);
        at = data + packed;
    }
    files
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
}

/// N×D features and N×K labels; K×D weights and K biases of the optimum at C = 1.
pub fn given() -> (Array2<f64>, Array2<bool>, Array2<f64>, Array1<f64>) {
    let read = |name: &str| std::fs::read(shared(name).expect("the test is ignored without it")).expect(name);
    let bytes = read("golden/ucmerced_features.npy");
    let (shape, data) = npy(&bytes, "<f4");
    assert_eq!(shape, "2100, 512");
    let features = data.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect();
    let bytes = read("golden/ucmerced_labels.npy");
    let (shape, data) = npy(&bytes, "|u1");
    assert_eq!(shape, "2100, 17");
    let labels = data.iter().map(|&b| b == 1).collect();
    let files = npz(&shared("golden/ucmerced_sigmoid_C1.npz").expect("the weights"));
    let ((shape, weight), (_, bias)) = (npy(&files[0], "<f8"), npy(&files[1], "<f8"));
    assert_eq!(shape, "17, 512");
    (
        Array2::from_shape_vec((2100, 512), features).expect("features"),
        Array2::from_shape_vec((2100, 17), labels).expect("labels"),
        Array2::from_shape_vec((17, 512), doubles(weight)).expect("weights"),
        Array1::from_vec(doubles(bias)),
    )
}

/// Weights and biases of an optimum.
pub fn weights(path: &str) -> [Vec<f64>; 2] {
    let files = npz(&shared(path).expect("the weights"));
    [0, 1].map(|i| doubles(npy(&files[i], "<f8").1))
}

/// Figures that are off by more than 1e-9.
fn off(truth: ArrayView2<'_, bool>, scores: ArrayView2<'_, f64>) -> Vec<String> {
    let golden =
        std::fs::read_to_string(shared("golden/optimum.json").expect("the figures")).expect("the figures");
    let golden: serde_json::Value = serde_json::from_str(&golden).expect("JSON");
    let expected = golden["ucmerced"]["sigmoid_C1"]["train"].as_object().expect("figures");
    let tags: Vec<String> = serde_json::from_value(golden["ucmerced"]["tags"].clone()).expect("tags");
    let p = sigmoid(scores, 1.0);
    let frequency: Vec<f64> =
        (0..17).map(|c| truth.column(c).iter().filter(|&&t| t).count() as f64 / 2100.0).collect();
    let metrics = MultiLabel::new(&tags, truth, p.view(), &[0.5; 17], &frequency).expect("metrics");
    let model = &metrics.model;
    // Nothing without labels: as bad as it is in every figure that is told alone.
    let nothing = &metrics.predicts_nothing;
    assert_eq!(
        (nothing.micro_average.f1, nothing.macro_average.f1, nothing.subset_accuracy),
        (0.0, 0.0, 0.0)
    );
    let got = [
        ("micro_f1", Some(model.micro_average.f1)),
        ("macro_f1", Some(model.macro_average.f1)),
        ("samples_f1", Some(model.sample_average.f1)),
        ("samples_f2", Some(model.sample_average.f2)),
        ("micro_f2", Some(model.micro_average.f2)),
        ("subset_accuracy", Some(model.subset_accuracy)),
        ("hamming_loss", Some(model.hamming_loss)),
        ("mean_average_precision_macro", model.mean_average_precision),
        ("average_precision_micro", model.micro_average_precision),
        ("lrap", Some(model.label_ranking_average_precision)),
        ("roc_auc_macro", model.roc_auc_macro),
    ];
    assert_eq!(got.len(), expected.len(), "every figure of the file");
    got.into_iter()
        .filter_map(|(name, got)| {
            let (got, expected) = (got.unwrap_or(f64::NAN), expected[name].as_f64().expect("a number"));
            let same = (got - expected).abs() <= 1e-9;
            (!same).then(|| format!("{name}: {got}, scikit-learn says {expected}"))
        })
        .collect()
}

fn multi_label_equals_scikit_learn() {
    let (features, truth, weight, bias) = given();
    let scores = features.dot(&weight.t()) + &bias;
    let off = off(truth.view(), scores.view());
    assert!(off.is_empty(), "{off:#?}");
}

fn the_comparison_sees_a_wrong_weight() {
    let (features, truth, weight, mut bias) = given();
    bias[3] += 0.1;
    let scores = features.dot(&weight.t()) + &bias;
    let off = off(truth.view(), scores.view());
    assert!(off.len() >= 9, "one bias of 17 is wrong, and only these figures moved: {off:#?}");
}
