//! Against scikit-learn's answers (`tests/fixtures/metrics.py`) and against counting by hand.

use ndarray::{Array2, array};
use serde::Deserialize;

use super::*;
use crate::metrics::fixture::{Case, cases};

fn close(got: f64, expected: f64, what: &str) {
    // Written so that NaN on either side fails.
    assert!((got - expected).abs() <= 1e-9, "{what}: {got}, scikit-learn says {expected}");
}

#[derive(Deserialize)]
struct Answers {
    accuracy: f64,
    top_5_accuracy: Option<f64>,
    log_loss: f64,
    confusion_matrix: Vec<Vec<usize>>,
    per_class: (Vec<f64>, Vec<f64>, Vec<f64>, Vec<usize>),
    macro_average: (f64, f64, f64, Option<usize>),
    weighted_average: (f64, f64, f64, Option<usize>),
}

#[test]
fn equals_scikit_learn() {
    let cases = cases();
    assert!(cases.len() >= 9);
    for case in cases {
        let metrics = case.measure();
        let answers: Answers = serde_json::from_value(case.sklearn).unwrap();
        let name = &case.name;
        close(metrics.accuracy, answers.accuracy, name);
        close(metrics.cross_entropy, answers.log_loss, name);
        assert_eq!(metrics.confusion_matrix, answers.confusion_matrix, "{name}");
        assert_eq!(metrics.top_5_accuracy.is_some(), answers.top_5_accuracy.is_some(), "{name}");
        close(metrics.top_5_accuracy.unwrap_or(0.0), answers.top_5_accuracy.unwrap_or(0.0), name);
        for (got, expected) in [
            (metrics.macro_average, answers.macro_average),
            (metrics.weighted_average, answers.weighted_average),
        ] {
            close(got.precision, expected.0, name);
            close(got.recall, expected.1, name);
            close(got.f1, expected.2, name);
        }
        let (precision, recall, f1, support) = answers.per_class;
        assert_eq!(metrics.per_class.len(), support.len(), "{name}");
        for (c, got) in metrics.per_class.iter().enumerate() {
            assert_eq!(got.class, case.classes[c]);
            close(got.precision, precision[c], name);
            close(got.recall, recall[c], name);
            close(got.f1, f1[c], name);
            assert_eq!(got.support, support[c], "{name}");
        }
    }
}

fn names(k: usize) -> Vec<String> {
    (0..k).map(|c| format!("class {c}")).collect()
}

#[test]
fn two_samples_by_hand() {
    let p = array![[0.75, 0.25], [0.5, 0.5]];
    let metrics = MultiClass::new(&names(2), &[3, 3], &[0, 1], p.view()).unwrap();
    // The tie of the second row goes to class 0, which is wrong; so does the tie of the training counts.
    assert_eq!(metrics.confusion_matrix, [[1, 0], [1, 0]]);
    assert_eq!(metrics.accuracy, 0.5);
    assert_eq!(metrics.baseline, Baseline { class: "class 0".into(), accuracy: 0.5 });
    close(metrics.cross_entropy, (4.0_f64.ln() - 3.0_f64.ln() + 2.0_f64.ln()) / 2.0, "cross-entropy");
    close(metrics.uniform_cross_entropy, std::f64::consts::LN_2, "ln K");
    assert_eq!(metrics.per_class[1].precision, 0.0);
}

#[test]
fn the_baseline_is_the_majority_of_the_training_samples() {
    let p = array![[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]];
    let metrics = MultiClass::new(&names(2), &[4, 5], &[0, 0, 0, 1], p.view()).unwrap();
    assert_eq!(metrics.baseline, Baseline { class: "class 1".into(), accuracy: 0.25 });
}

#[test]
fn top_5_begins_at_six_classes_and_lets_later_classes_win_ties() {
    let five = Array2::from_elem((1, 5), 0.2);
    assert_eq!(MultiClass::new(&names(5), &[1; 5], &[0], five.view()).unwrap().top_5_accuracy, None);
    let six = Array2::from_elem((2, 6), 1.0 / 6.0);
    let metrics = MultiClass::new(&names(6), &[1; 6], &[0, 1], six.view()).unwrap();
    assert_eq!(metrics.top_5_accuracy, Some(0.5));
}

#[test]
fn an_impossible_truth_costs_a_finite_loss_and_a_certain_one_almost_none() {
    let p = array![[0.0, 1.0 + f64::from(f32::EPSILON)]];
    let wrong = MultiClass::new(&names(2), &[1, 1], &[0], p.view()).unwrap();
    close(wrong.cross_entropy, 52.0 * std::f64::consts::LN_2, "clipped at 2^-52");
    let right = MultiClass::new(&names(2), &[1, 1], &[1], p.view()).unwrap();
    assert!(right.cross_entropy > 0.0 && right.cross_entropy < 1e-15);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let half = Array2::from_elem((2, 2), 0.5);
    let measure = |k: usize, counts: &[usize], truth: &[u32], p: &Array2<f64>| {
        MultiClass::new(&names(k), counts, truth, p.view()).unwrap_err()
    };
    let shape = |error| match error {
        MetricsError::Shape { what, got, expected, .. } => (what, got, expected),
        other => panic!("{other}"),
    };
    let empty = Array2::zeros((0, 2));
    assert_eq!(measure(2, &[1, 1], &[], &empty), MetricsError::Empty { samples: 0, classes: 2 });
    assert_eq!(measure(0, &[], &[0, 0], &half), MetricsError::Empty { samples: 2, classes: 0 });
    assert_eq!(shape(measure(2, &[1, 1], &[0], &half)), ("rows of probabilities", 2, 1));
    assert_eq!(shape(measure(3, &[1, 1, 1], &[0, 1], &half)), ("columns of probabilities", 2, 3));
    assert_eq!(shape(measure(2, &[1], &[0, 1], &half)), ("training counts", 1, 2));
    let error = measure(2, &[1, 1], &[0, 2], &half);
    assert_eq!(error, MetricsError::Truth { sample: 1, truth: 2, classes: 2 });
    assert_eq!(error.to_string(), "the truth of sample 1 is class 2, but there are only 2 classes");
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-9, 1.001] {
        let mut p = half.clone();
        p[(1, 0)] = bad;
        let error = measure(2, &[1, 1], &[0, 1], &p);
        let MetricsError::Probability { sample: 1, class: 0, value } = error else { panic!("{error}") };
        assert_eq!(value.to_bits(), bad.to_bits());
    }
}

#[test]
fn serializes_in_a_stable_order() {
    let case: Case = cases().swap_remove(0);
    let json = serde_json::to_value(case.measure()).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "samples",
            "accuracy",
            "baseline",
            "top_5_accuracy",
            "cross_entropy",
            "uniform_cross_entropy",
            "per_class",
            "macro_average",
            "weighted_average",
            "confusion_matrix"
        ]
    );
    assert_eq!(json["per_class"][1]["class"], "boat");
    assert!(json["top_5_accuracy"].is_null());
}
