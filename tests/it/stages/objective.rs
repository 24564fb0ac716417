//! objective: however features are loaded, the sums are the same; `verify` holds them against the reference.

use huemax::backend::{Backend, Gpu, Labels, Loss, Models, Rows, Targets};
use libtest_mimic::Trial;

use crate::support::{adapters, on_gpu_only, poisoned, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_gpu_only(
        trials,
        "objective::pairs_and_vectors_give_the_same_bytes",
        pairs_and_vectors_give_the_same_bytes,
    );
}

/// A software driver loads two numbers at a time; hardware, and this, by vectors. Columns that fill lanes evenly, leave some of them without
/// cells, and are fewer than lanes.
fn pairs_and_vectors_give_the_same_bytes(pairs: &Gpu) {
    let vectors = adapters()[0].open_without_pairs().expect("a device");
    assert!(!vectors.loads_pairs());
    if !pairs.loads_pairs() {
        assert!(!pairs.info().name.starts_with("llvmpipe"), "lavapipe has 64-bit integers");
        println!("{} loads by vectors: there is nothing to compare", pairs.info());
        return;
    }
    for shape in [(1, 4, 2), (37, 20, 3), (130, 64, 10), (67, 508, 7)] {
        assert_eq!(sums(pairs, shape), sums(&vectors, shape), "{shape:?}");
    }
}

fn sums(device: &Gpu, (n, columns, outputs): (usize, usize, usize)) -> Vec<u32> {
    let rng = &mut random(5);
    let up = |values: &[f32]| device.upload(values).expect("numbers");
    let features = up(&uniform(rng, n * columns, 1.0));
    let parameters = up(&uniform(rng, outputs * (columns + 1), 1.0));
    let targets = Targets::classes(outputs, &(0..n as u32).map(|i| i % outputs as u32).collect::<Vec<_>>());
    let index = device.upload(&(0..n as u32).rev().collect::<Vec<_>>()).expect("an index");
    let words = device.upload(targets.words()).expect("labels");
    let weights = up(targets.weights());
    assert!(device.fuses(columns, outputs, Models::ONE));
    let splits = device.splits(n, columns, outputs);
    let len = splits.count * (outputs * (columns + 1) + 1);
    let mut partials = poisoned(device, len);
    let rows = Rows { features: &features, columns, index: &index, first: 0, count: n };
    let labels = Labels { loss: Loss::Softmax, words: &words, weights: &weights, models: 1, mask: None };
    device.objective(&rows, &labels, &parameters, outputs, &mut partials).expect("the objective");
    device.download(&partials, len).expect("sums").into_iter().map(f32::to_bits).collect()
}
