//! Against scikit-learn's answers (`tests/fixtures/multi_label.py`) and against counting by hand.

use ndarray::{Array2, array};
use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Deserialize)]
struct Case {
    name: String,
    truth: Vec<Vec<u8>>,
    probability: Vec<Vec<f64>>,
    thresholds: Vec<f64>,
    train_frequency: Vec<f64>,
    model: Value,
    predicts_nothing: Value,
    predicts_frequency: Value,
    per_label: Value,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/fixtures/multi_label.json")).unwrap()
}

fn names(k: usize) -> Vec<String> {
    (0..k).map(|c| format!("label {c}")).collect()
}

/// Every number of `expected` stands at the same place in `got`.
fn same(got: &Value, expected: &Value, what: &str) {
    match (got, expected) {
        (Value::Object(_), Value::Object(fields)) => {
            assert!(!fields.is_empty());
            fields.iter().for_each(|(key, value)| same(&got[key], value, &format!("{what}, {key}")));
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // Written so that NaN fails.
            assert!((a - b).abs() <= 1e-9, "{what}: {a}, scikit-learn says {b}");
        }
        _ => assert_eq!(got, expected, "{what}"),
    }
}

#[test]
fn equals_scikit_learn() {
    assert_eq!(cases().len(), 4);
    for case in cases() {
        let (n, k) = (case.truth.len(), case.thresholds.len());
        let truth = Array2::from_shape_fn((n, k), |(i, c)| case.truth[i][c] == 1);
        let p = Array2::from_shape_fn((n, k), |(i, c)| case.probability[i][c]);
        let got = MultiLabel::new(&names(k), truth.view(), p.view(), &case.thresholds, &case.train_frequency);
        let got = serde_json::to_value(got.unwrap()).unwrap();
        let expected = [
            ("model", &case.model),
            ("predicts_nothing", &case.predicts_nothing),
            ("predicts_frequency", &case.predicts_frequency),
        ];
        for (which, expected) in expected {
            assert_eq!(expected.as_object().unwrap().len(), got[which].as_object().unwrap().len());
            same(&got[which], expected, &format!("{}: {which}", case.name));
        }
        for (key, column) in case.per_label.as_object().unwrap() {
            let column = column.as_array().unwrap();
            assert_eq!(column.len(), k);
            for (c, expected) in column.iter().enumerate() {
                same(&got["per_label"][c][key], expected, &format!("{}: {key} of label {c}", case.name));
            }
        }
    }
}

#[test]
fn an_answer_without_labels_scores_as_badly_as_it_deserves() {
    // One label of ten, as in most multi-label data: nine decisions of ten are right without looking.
    let truth = Array2::from_shape_fn((50, 10), |(i, c)| c == i % 10);
    let nothing = Array2::zeros((50, 10));
    let metrics = MultiLabel::new(&names(10), truth.view(), nothing.view(), &[0.5; 10], &[0.1; 10]).unwrap();
    let figures = &metrics.model;
    assert_eq!(figures, &metrics.predicts_nothing);
    for average in [figures.macro_average, figures.micro_average, figures.sample_average] {
        assert_eq!(average, FScores::default());
    }
    assert_eq!(figures.subset_accuracy, 0.0);
    assert!((figures.mean_average_precision.unwrap() - 0.1).abs() < 1e-12);
    assert!((figures.micro_average_precision.unwrap() - 0.1).abs() < 1e-12);
    assert!((figures.label_ranking_average_precision - 0.1).abs() < 1e-12);
    assert_eq!(figures.roc_auc_macro, Some(0.5));
    // What would flatter it.
    assert!((figures.hamming_loss - 0.1).abs() < 1e-12);
}

#[test]
fn nothing_is_nothing_even_where_a_threshold_is_zero() {
    let (truth, p) = (array![[true], [false]], array![[0.0], [0.5]]);
    let metrics = MultiLabel::new(&names(1), truth.view(), p.view(), &[0.0], &[0.5]).unwrap();
    assert_eq!(metrics.model.micro_average.recall, 1.0);
    assert_eq!(metrics.predicts_nothing.micro_average.recall, 0.0);
}

#[test]
fn one_sample_with_one_label() {
    for (is, p) in [(true, 1.0), (true, 0.0), (false, 1.0), (false, 0.0)] {
        let metrics =
            MultiLabel::new(&names(1), array![[is]].view(), array![[p]].view(), &[0.5], &[1.0]).unwrap();
        let right = is == (p > 0.5);
        assert_eq!(metrics.model.subset_accuracy, f64::from(u8::from(right)));
        assert_eq!(metrics.model.micro_average.f1, f64::from(u8::from(is && right)));
        assert_eq!(metrics.model.mean_average_precision, is.then_some(1.0));
        assert_eq!(metrics.model.roc_auc_macro, None);
        assert_eq!(metrics.without_positives.len(), usize::from(!is));
        // Undefined is said in so many words, never by a number that JSON cannot hold.
        let json = serde_json::to_value(&metrics).unwrap();
        assert!(json["model"]["roc_auc_macro"].is_null() && json["model"]["log_loss"].is_f64());
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let truth = Array2::from_elem((2, 2), true);
    let half = Array2::from_elem((2, 2), 0.5);
    let measure = |k: usize, truth: &Array2<bool>, p: &Array2<f64>, thresholds: &[f64], train: &[f64]| {
        MultiLabel::new(&names(k), truth.view(), p.view(), thresholds, train).unwrap_err().to_string()
    };
    let both = [0.5; 2];
    let none = Array2::from_elem((0, 2), true);
    assert!(
        measure(2, &none, &Array2::zeros((0, 2)), &both, &both).contains("nothing to measure: 0 samples")
    );
    assert!(
        measure(3, &truth, &half, &[0.5; 3], &[0.5; 3]).contains("columns of truths: 2, but there are 3")
    );
    let one = Array2::from_elem((1, 2), 0.5);
    assert!(
        measure(2, &truth, &one, &both, &both).contains("rows of probabilities: 1, but there are 2 samples")
    );
    assert!(measure(2, &truth, &half, &[0.5], &both).contains("thresholds: 1, but there are 2 labels"));
    assert!(measure(2, &truth, &half, &both, &[0.5; 3]).contains("training frequencies: 3, but there are 2"));
    for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
        let mut p = half.clone();
        p[(1, 0)] = bad;
        assert!(
            measure(2, &truth, &p, &both, &both).contains("probability of class 0 of sample 1 is"),
            "{bad}"
        );
        assert!(
            measure(2, &truth, &half, &[0.5, bad], &both).contains("the threshold of label 1 is"),
            "{bad}"
        );
        assert!(
            measure(2, &truth, &half, &both, &[bad, 0.5]).contains("the training frequency of label 0 is")
        );
    }
}
