//! Where a training begins: labels of a model and of the data, matched by name.

use super::*;
use crate::backend::Loss;
use crate::features::Histogram;
use crate::learn::{SolverOptions, Targets};
use crate::model::{Activation, Trained};

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.into()).collect()
}

fn model(names: &[&str]) -> Model {
    let columns = 4;
    Model {
        classes: labels(names),
        descriptor: Descriptor::Histogram(Histogram { bins: [2, 1, 2], decode_scale: 1 }),
        columns: None,
        transform: None,
        activation: Activation::Softmax,
        temperature: 2.0,
        weight: (0..names.len() * columns).map(|i| (10 * (i / columns) + i % columns) as f32).collect(),
        bias: (0..names.len()).map(|k| 100.0 + k as f32).collect(),
        trained: Trained {
            huemax: "0.1.0".into(),
            device: "CPU".into(),
            data_sha256: "00".into(),
            label_counts: Vec::new(),
            weights: None,
            init: None,
            val_size: None,
            test_size: None,
            split_seed: 42,
            plan: SolverOptions::default().plan(100, 1.0, &Targets::none(Loss::Softmax, 3, 1)).unwrap(),
            objective: 0.0,
        },
    }
}

/// Weights as they were fitted: what a temperature divides them by is no part of the objective.
#[test]
fn weights_go_where_their_label_is() {
    let of = |k: usize| (0..4).map(move |i| (10 * k + i) as f32);
    let expected: Vec<f32> = of(2).chain([0.0; 4]).chain(of(0)).chain([102.0, 0.0, 100.0]).collect();
    assert_eq!(matched(&model(&["a", "b", "c"]), &labels(&["c", "new", "a"])), expected);
}

#[test]
fn fingerprints_tell_models_apart() {
    let one = model(&["a", "b"]);
    assert_eq!(one.fingerprint(), model(&["a", "b"]).fingerprint());
    let mut other = model(&["a", "b"]);
    other.weight[3] += 1.0;
    let others = [model(&["b", "a"]), model(&["ab", ""]), other];
    assert!(others.iter().all(|other| other.fingerprint() != one.fingerprint()));
}

#[test]
fn what_both_lack_is_said() {
    let now = Belongs {
        huemax: String::new(),
        device: String::new(),
        data_sha256: String::new(),
        rows_sha256: String::new(),
        features_sha256: String::new(),
        labels: labels(&["b", "new\n"]),
        descriptor: Descriptor::Histogram(Histogram { bins: [2, 1, 2], decode_scale: 1 }),
        transform: None,
        plan: model(&["a"]).trained.plan,
        weights: None,
        init: None,
    };
    let (start, notes) = Begin::Warm { model: &model(&["a", "b"]), grow: true }.start(&now).unwrap();
    assert!(matches!(start, Start::From(parameters) if parameters.len() == 10 && parameters[0] == 10.0));
    let notes = notes.join("\n");
    for part in ["for 1 of 2 labels", "begin at zero: new\\n", "dropped: a"] {
        assert!(notes.contains(part), "{notes}");
    }
}
