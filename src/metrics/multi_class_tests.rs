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
    balanced_accuracy: f64,
    cohen_kappa: Option<f64>,
    matthews: f64,
    roc_auc: Vec<Option<f64>>,
    roc_auc_ovr_macro: Option<f64>,
    average_precision: Vec<Option<f64>>,
    brier: f64,
    calibration_error: f64,
    top_2_accuracy: f64,
}

fn close_if_any(got: Option<f64>, expected: Option<f64>, what: &str) {
    assert_eq!(got.is_some(), expected.is_some(), "{what}: {got:?}, scikit-learn says {expected:?}");
    close(got.unwrap_or(0.0), expected.unwrap_or(0.0), what);
}

#[test]
fn equals_scikit_learn() {
    let cases = cases();
    assert!(cases.len() >= 9);
    for case in cases {
        let metrics = case.measure();
        let answers: Answers = serde_json::from_value(case.sklearn.clone()).unwrap();
        let name = &case.name;
        close(metrics.accuracy, answers.accuracy, name);
        close(metrics.cross_entropy.unwrap(), answers.log_loss, name);
        close(metrics.balanced_accuracy, answers.balanced_accuracy, name);
        close_if_any(metrics.cohen_kappa, answers.cohen_kappa, name);
        close(metrics.matthews, answers.matthews, name);
        close_if_any(metrics.roc_auc_ovr_macro, answers.roc_auc_ovr_macro, name);
        close(metrics.brier.unwrap(), answers.brier, name);
        close(metrics.calibration.as_ref().unwrap().ece, answers.calibration_error, name);
        let (truth, scores) = case.given();
        close(top_k_accuracy(truth, scores.view(), 2), answers.top_2_accuracy, name);
        let occur: Vec<f64> = answers.average_precision.iter().copied().flatten().collect();
        let mean = occur.iter().sum::<f64>() / occur.len() as f64;
        close_if_any(metrics.average_precision_macro, Some(mean), name);
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
            close_if_any(got.roc_auc, answers.roc_auc[c], name);
            close_if_any(got.average_precision, answers.average_precision[c], name);
        }
    }
}

/// The figures of the golden file, number by number: the fixture above could have been written by a program that is wrong
/// in the same way.
#[test]
fn equals_the_golden_figures() {
    let case = cases().swap_remove(0);
    let metrics = case.measure();
    let (truth, scores) = case.given();
    close(metrics.cross_entropy.unwrap(), 3.4454686950306455, "log loss");
    close(top_k_accuracy(truth, scores.view(), 2), 0.625, "top 2");
    close(metrics.roc_auc_ovr_macro.unwrap(), 0.6862878094262124, "ROC AUC");
    let precisions = [0.4679904504471806, 0.43325286314117595, 0.4229151444056347, 0.43399559014060085];
    for (class, expected) in metrics.per_class.iter().zip(precisions) {
        close(class.average_precision.unwrap(), expected, "average precision");
    }
    let brier = [0.22211153467032566, 0.21823408133468397, 0.21688157517536283, 0.2544577149060271];
    close(metrics.brier.unwrap(), brier.iter().sum(), "Brier");
    close(metrics.calibration.unwrap().ece, 0.3210328689877551, "ECE");
    close(metrics.balanced_accuracy, 0.4315811430955361, "balanced accuracy");
    close(metrics.cohen_kappa.unwrap(), 0.2408098028769312, "kappa");
    close(metrics.matthews, 0.25643749805658744, "Matthews");
}

#[test]
fn margins_order_as_probabilities_do_and_know_no_more() {
    for case in cases() {
        let (truth, p) = case.given();
        let counts = vec![1; case.classes.len()];
        // Any rising function of the probabilities orders alike.
        let margins = p.mapv(|p| 1000.0 * p - 500.0);
        let got = MultiClass::from_margins(&case.classes, &counts, truth, margins.view()).unwrap();
        let mut expected = case.measure();
        (expected.cross_entropy, expected.brier, expected.calibration) = (None, None, None);
        assert_eq!(got, expected);
    }
    let error = |value| {
        let margins = array![[0.0, 1.0], [value, 2.0]];
        MultiClass::from_margins(&names(2), &[1, 1], &[0, 1], margins.view()).unwrap_err()
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(error(bad), MetricsError::Score { sample: 1, class: 0, .. }));
    }
    assert!(error(f64::NAN).to_string().contains("NaN, which is not a finite number"));
}

#[test]
fn one_sample_of_one_class() {
    let metrics = MultiClass::new(&names(1), &[3], &[0], array![[1.0]].view()).unwrap();
    assert_eq!((metrics.accuracy, metrics.balanced_accuracy, metrics.matthews), (1.0, 1.0, 0.0));
    assert_eq!((metrics.cohen_kappa, metrics.roc_auc_ovr_macro), (None, None));
    assert_eq!(metrics.average_precision_macro, Some(1.0));
}

#[test]
fn always_one_class_is_chance() {
    let truth: Vec<u32> = (0..100).map(|i| u32::from(i >= 90)).collect();
    let p = Array2::from_shape_fn((100, 2), |(_, c)| if c == 0 { 0.9 } else { 0.1 });
    let metrics = MultiClass::new(&names(2), &[90, 10], &truth, p.view()).unwrap();
    assert_eq!(metrics.accuracy, 0.9);
    assert_eq!((metrics.balanced_accuracy, metrics.cohen_kappa, metrics.matthews), (0.5, Some(0.0), 0.0));
    assert_eq!(metrics.roc_auc_ovr_macro, Some(0.5));
    close(metrics.average_precision_macro.unwrap(), 0.5, "mean prevalence");
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
    close(
        metrics.cross_entropy.unwrap(),
        (4.0_f64.ln() - 3.0_f64.ln() + 2.0_f64.ln()) / 2.0,
        "cross-entropy",
    );
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
    close(wrong.cross_entropy.unwrap(), 52.0 * std::f64::consts::LN_2, "clipped at 2^-52");
    let right = MultiClass::new(&names(2), &[1, 1], &[1], p.view()).unwrap();
    assert!(right.cross_entropy.is_some_and(|loss| loss > 0.0 && loss < 1e-15));
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
            "balanced_accuracy",
            "cohen_kappa",
            "matthews",
            "roc_auc_ovr_macro",
            "average_precision_macro",
            "cross_entropy",
            "uniform_cross_entropy",
            "brier",
            "calibration",
            "per_class",
            "macro_average",
            "weighted_average",
            "confusion_matrix"
        ]
    );
    assert_eq!(json["per_class"][1]["class"], "boat");
    assert!(json["top_5_accuracy"].is_null());
}
