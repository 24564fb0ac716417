//! Against likelihoods written down from their definition, and against scores whose temperature is known.

use ndarray::{Array2, array};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn log_loss_softmax(scores: &Array2<f64>, truth: &[u32], t: f64) -> f64 {
    let p = softmax(scores.view(), t);
    truth.iter().enumerate().map(|(i, &y)| -p[(i, y as usize)].ln()).sum::<f64>() / truth.len() as f64
}

fn log_loss_sigmoid(scores: &Array2<f64>, truth: &Array2<bool>, t: f64) -> f64 {
    let p = sigmoid(scores.view(), t);
    let term = |(p, &t): (&f64, &bool)| if t { -p.ln() } else { -(1.0 - p).ln() };
    p.iter().zip(truth).map(term).sum::<f64>() / scores.nrows() as f64
}

/// Scores of n×k and truths drawn from their softmax at temperature `t`.
fn drawn(n: usize, k: usize, t: f64, seed: u64) -> (Array2<f64>, Vec<u32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scores = Array2::from_shape_fn((n, k), |_| rng.random_range(-6.0..6.0) + 1000.0);
    let p = softmax(scores.view(), t);
    let draw = |row: ndarray::ArrayView1<'_, f64>| {
        let mut left = rng.random_range(0.0..1.0);
        let found = row.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        found.unwrap_or(k - 1) as u32
    };
    (scores.clone(), p.rows().into_iter().map(draw).collect())
}

#[test]
fn softmax_finds_the_temperature_that_drew_the_truth() {
    for (t, seed) in [(0.5, 1), (1.0, 2), (3.0, 3)] {
        let (scores, truth) = drawn(4000, 4, t, seed);
        let found = fit_temperature_softmax(scores.view(), &truth).unwrap();
        assert!((found.temperature / t - 1.0).abs() < 0.1, "{found:?}, drawn at {t}");
        assert_eq!((found.limit, found.samples), (None, 4000));
        assert!((found.before.log_loss - log_loss_softmax(&scores, &truth, 1.0)).abs() < 1e-9);
        let best = log_loss_softmax(&scores, &truth, found.temperature);
        assert!((found.after.log_loss - best).abs() < 1e-9);
        // The loss is flat at its least: a thousandth beside it costs about a millionth, and never gains.
        for beside in [0.999, 1.001] {
            assert!(log_loss_softmax(&scores, &truth, found.temperature * beside) > best);
        }
        if t != 1.0 {
            assert!(found.after.ece < 0.5 * found.before.ece, "{found:?}");
        }
    }
}

#[test]
fn sigmoid_finds_the_temperature_that_drew_the_truth() {
    for (t, seed) in [(0.4, 1), (2.5, 2)] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let scores = Array2::from_shape_fn((1500, 3), |_| rng.random_range(-5.0..4.0));
        let truth = sigmoid(scores.view(), t).mapv(|p| rng.random_range(0.0..1.0) < p);
        let found = fit_temperature_sigmoid(scores.view(), truth.view()).unwrap();
        assert!((found.temperature / t - 1.0).abs() < 0.1, "{found:?}, drawn at {t}");
        let best = log_loss_sigmoid(&scores, &truth, found.temperature);
        assert!((found.before.log_loss - log_loss_sigmoid(&scores, &truth, 1.0)).abs() < 1e-9);
        assert!((found.after.log_loss - best).abs() < 1e-9);
        for beside in [0.999, 1.001] {
            assert!(log_loss_sigmoid(&scores, &truth, found.temperature * beside) > best);
        }
        assert!(found.after.ece < 0.5 * found.before.ece, "{found:?}");
    }
}

#[test]
fn extreme_scores_find_the_least_all_the_same() {
    // A thousand of one kind and one of the other: the derivative is far from a line.
    for scale in [1e-3, 1.0, 30.0, 1000.0] {
        let n = 1001;
        let scores =
            Array2::from_shape_fn((n, 2), |(i, c)| if c == 1 { 0.0 } else { scale * (1.0 + (i % 7) as f64) });
        let truth: Vec<u32> = (0..n as u32).map(|i| u32::from(i == 500)).collect();
        let found = fit_temperature_softmax(scores.view(), &truth).unwrap();
        let slope = |t: f64| log_loss_softmax(&scores, &truth, t);
        match found.limit {
            None => {
                let t = found.temperature;
                assert!(slope(t) <= slope(t * 1.01) && slope(t) <= slope(t / 1.01), "{scale}: {found:?}");
            }
            Some(Limit::Separable) => assert_eq!(found.temperature, RANGE.0),
            Some(Limit::Useless) => assert_eq!(found.temperature, RANGE.1),
        }
        assert!(found.after.log_loss <= found.before.log_loss && found.after.log_loss.is_finite());
    }
}

#[test]
fn what_has_no_least_ends_at_a_limit_and_says_so() {
    let scores = array![[2.0, 1.0], [0.0, 3.0]];
    let separable = fit_temperature_softmax(scores.view(), &[0, 1]).unwrap();
    assert_eq!((separable.limit, separable.temperature), (Some(Limit::Separable), RANGE.0));
    let wrong = fit_temperature_softmax(scores.view(), &[1, 0]).unwrap();
    assert_eq!((wrong.limit, wrong.temperature), (Some(Limit::Useless), RANGE.1));
    let truth = array![[true, false], [false, true]];
    let separable = fit_temperature_sigmoid(array![[2.0, -1.0], [-0.1, 3.0]].view(), truth.view()).unwrap();
    assert_eq!(separable.limit, Some(Limit::Separable));
    let json = serde_json::to_value(separable).unwrap();
    assert_eq!(json["limit"], "separable");
}

#[test]
fn where_every_temperature_is_as_good_it_is_one() {
    let same = fit_temperature_softmax(Array2::from_elem((3, 4), 7.0).view(), &[0, 1, 2]).unwrap();
    assert_eq!((same.temperature, same.limit, same.before), (1.0, None, same.after));
    assert_eq!(fit_temperature_softmax(array![[5.0]].view(), &[0]).unwrap().temperature, 1.0);
    let zero = fit_temperature_sigmoid(array![[0.0]].view(), array![[true]].view()).unwrap();
    assert_eq!((zero.temperature, zero.limit), (1.0, None));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let nan = array![[0.0, f64::NAN]];
    let softmax =
        |scores: &Array2<f64>, truth: &[u32]| fit_temperature_softmax(scores.view(), truth).unwrap_err();
    assert!(matches!(softmax(&nan, &[0]), MetricsError::Score { sample: 0, class: 1, .. }));
    assert!(softmax(&array![[0.0, f64::INFINITY]], &[0]).to_string().contains("inf, which is not a finite"));
    assert!(matches!(softmax(&Array2::zeros((0, 2)), &[]), MetricsError::Empty { .. }));
    assert!(matches!(softmax(&Array2::zeros((2, 2)), &[0]), MetricsError::Shape { .. }));
    assert!(matches!(softmax(&Array2::zeros((1, 2)), &[2]), MetricsError::Truth { .. }));
    let sigmoid =
        |scores: Array2<f64>, truth: Array2<bool>| fit_temperature_sigmoid(scores.view(), truth.view());
    assert!(sigmoid(nan, array![[true, false]]).is_err());
    assert!(sigmoid(array![[0.0, 1.0]], array![[true]]).is_err());
}
