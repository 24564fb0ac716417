//! Against trying every cut.

use ndarray::{Array2, array};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Fβ of a threshold, from the definition.
fn f(beta: f64, truth: &[bool], p: &[f64], threshold: f64) -> f64 {
    let count = |is: bool, said: bool| {
        truth.iter().zip(p).filter(|&(&t, &p)| t == is && (p >= threshold) == said).count() as f64
    };
    let (hits, missed, wrong) = (count(true, true), count(true, false), count(false, true));
    if hits == 0.0 {
        0.0
    } else {
        (1.0 + beta * beta) * hits / ((1.0 + beta * beta) * hits + beta * beta * missed + wrong)
    }
}

fn one(rule: ThresholdRule, truth: &[bool], p: &[f64]) -> Tuned {
    let truth = Array2::from_shape_vec((truth.len(), 1), truth.to_vec()).unwrap();
    let p = Array2::from_shape_vec((p.len(), 1), p.to_vec()).unwrap();
    tune(rule, truth.view(), p.view()).unwrap()[0]
}

#[test]
fn no_threshold_is_better() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for round in 0..400 {
        let n = rng.random_range(1..30);
        // Coarse, so that ties are frequent; the ends included.
        let p: Vec<f64> = (0..n).map(|_| f64::from(rng.random_range(0..=16_u32)) / 16.0).collect();
        let truth: Vec<bool> = p.iter().map(|p| rng.random_range(0.0..1.4) < p + 0.2).collect();
        for (rule, beta) in [(ThresholdRule::F1, 1.0), (ThresholdRule::F2, 2.0)] {
            let tuned = one(rule, &truth, &p);
            // Every cut, from the definition: ½, and the middles between neighbours, 0 being one.
            let mut edges = p.clone();
            edges.push(0.0);
            edges.sort_by(f64::total_cmp);
            edges.dedup();
            let mut cuts: Vec<f64> = edges.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
            cuts.extend([0.5, 0.0]);
            let worth = |t: &f64| f(beta, &truth, &p, *t);
            let best = cuts.iter().map(worth).fold(0.0, f64::max);
            assert!((tuned.score - best).abs() < 1e-12, "round {round}: {tuned:?}, but {best} is possible");
            assert!((worth(&tuned.threshold) - best).abs() < 1e-12, "round {round}: {tuned:?}");
            assert!((worth(&0.5) - tuned.score_at_half).abs() < 1e-12);
            // Of the best the nearest to ½, of two as near the lower. 0 is no cut of its own unless it is a probability.
            let zero = p.contains(&0.0);
            let mut best: Vec<f64> =
                cuts.into_iter().filter(|t| (*t != 0.0 || zero) && worth(t) > best - 1e-12).collect();
            let off = |t: f64| (t - 0.5).abs();
            best.sort_by(|&a, &b| off(a).total_cmp(&off(b)).then(a.total_cmp(&b)));
            let expected = if tuned.positives == 0 { 0.5 } else { best[0] };
            assert_eq!(tuned.threshold, expected, "round {round}: {truth:?} {p:?}");
        }
    }
}

#[test]
fn by_hand() {
    let (truth, p) = ([true, true, false, true, false], [0.9, 0.4, 0.3, 0.2, 0.1]);
    // F1 of the cuts below each: 1/2, 4/5, 2/3, 6/7, 3/4.
    let tuned = one(ThresholdRule::F1, &truth, &p);
    assert_eq!((tuned.score, tuned.score_at_half, tuned.positives), (6.0 / 7.0, 0.5, 3));
    assert!((tuned.threshold - 0.15).abs() < 1e-7);
    assert_eq!(one(ThresholdRule::Half, &truth, &p).threshold, 0.5);
}

#[test]
fn half_stays_where_nothing_is_better() {
    let half =
        |rule, truth: &[bool], p: &[f64]| assert_eq!(one(rule, truth, p).threshold, 0.5, "{truth:?} {p:?}");
    for rule in [ThresholdRule::F1, ThresholdRule::F2] {
        half(rule, &[true, false], &[0.9, 0.1]);
        half(rule, &[true, true], &[0.9, 0.6]);
        half(rule, &[true, false, true], &[0.5; 3]);
        // No picture has the label: nothing to choose by.
        half(rule, &[false, false], &[0.9, 0.1]);
        assert_eq!(one(rule, &[false, false], &[0.9, 0.1]).score, 0.0);
    }
    // Every picture has it, and none reaches ½: all are said.
    let all = one(ThresholdRule::F1, &[true, true, true], &[0.2, 0.3, 0.3]);
    assert_eq!((all.score, all.score_at_half, all.positives), (1.0, 0.0, 3));
    assert!((all.threshold - 0.1).abs() < 1e-7);
    assert_eq!(one(ThresholdRule::F1, &[true, true], &[0.0, 0.0]).threshold, 0.0);
}

#[test]
fn f2_says_more() {
    let truth = [true, false, false, true, false, false];
    let p = [0.9, 0.45, 0.4, 0.3, 0.2, 0.1];
    assert_eq!(one(ThresholdRule::F1, &truth, &p).threshold, 0.5);
    assert!((one(ThresholdRule::F2, &truth, &p).threshold - 0.25).abs() < 1e-7);
}

#[test]
fn a_threshold_survives_being_kept_as_f32() {
    // Neighbours in f32: their middle is no f32.
    let low = 0.3_f32;
    for (low, high) in [(low, low.next_up()), (low.next_up(), low.next_up().next_up()), (0.0, 1e-45)] {
        let (low, high) = (f64::from(low), f64::from(high));
        let threshold = one(ThresholdRule::F1, &[true, false], &[high, low]).threshold;
        assert_eq!(f64::from(threshold as f32), threshold);
        assert!(threshold > low && threshold <= high);
    }
    // And in f64, where only the upper one divides the two.
    let (low, high) = (0.3_f64, 0.3_f64.next_up());
    assert_eq!(one(ThresholdRule::F1, &[true, false], &[high, low]).threshold, high);
}

#[test]
fn rules_have_names() {
    for rule in [ThresholdRule::Half, ThresholdRule::F1, ThresholdRule::F2] {
        assert_eq!(rule.to_string().parse(), Ok(rule));
    }
    assert!("f3".parse::<ThresholdRule>().unwrap_err().contains("0.5, f1 or f2"));
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    let tune =
        |truth: Array2<bool>, p: Array2<f64>| tune(ThresholdRule::F1, truth.view(), p.view()).unwrap_err();
    assert!(matches!(tune(array![[true]], array![[f64::NAN]]), MetricsError::Probability { .. }));
    assert!(matches!(tune(array![[true]], array![[0.1, 0.2]]), MetricsError::Shape { .. }));
    assert!(matches!(
        tune(Array2::from_elem((0, 1), true), Array2::zeros((0, 1))),
        MetricsError::Empty { .. }
    ));
}
