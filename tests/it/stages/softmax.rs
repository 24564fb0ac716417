//! softmax: hostile scores, every number of outputs, rows without a label.

use huemax::backend::{Backend, NO_LABEL, Rows, reference};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::Array2;
use rand::RngExt;

use crate::on_both;
use crate::support::{f64s, poisoned, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, softmax_of_every_shape);
    on_both!(trials, softmax_of_hostile_scores);
    on_both!(trials, rows_without_a_label_give_probabilities);
    on_both!(trials, softmax_past_65535_workgroups);
}

/// Runs the stage on scores (n × outputs) with a label a row; returns residuals and losses.
fn run<B: Backend>(backend: &B, scores: &[f32], labels: &[u32], outputs: usize) -> (Vec<f32>, Vec<f32>) {
    let n = labels.len();
    // Rows stand in the chunk in reverse: labels are looked up by chunk row, scores by place in the batch.
    // The batch begins in the middle of the index.
    let index: Vec<u32> = [0, 0, 0].into_iter().chain((0..n as u32).rev()).collect();
    let by_row: Vec<u32> = labels.iter().rev().copied().collect();
    let features = backend.upload(&[0f32]).expect("upload");
    let index = backend.upload(&index).expect("upload");
    let labels = backend.upload(&by_row).expect("upload");
    let scores = backend.upload(scores).expect("upload");
    let (mut residual, mut losses) = (poisoned(backend, n * outputs), poisoned(backend, n));
    let rows = Rows { features: &features, columns: 1, index: &index, first: 3, count: n };
    backend.softmax(&rows, &labels, &scores, outputs, &mut residual, &mut losses).expect("softmax");
    let residual = backend.download(&residual, n * outputs).expect("download");
    (residual, backend.download(&losses, n).expect("download"))
}

fn check<B: Backend>(backend: &B, scores: Vec<f32>, labels: &[u32], outputs: usize) {
    let (residual, losses) = run(backend, &scores, labels, outputs);
    let scores = Array2::from_shape_vec((labels.len(), outputs), f64s(&scores)).expect("shape");
    let (expected, expected_losses) = reference::softmax(scores.view(), labels);
    let (bound, loss_bound) = bounds::softmax(scores.view(), labels);
    verify::within(&expected.into_raw_vec_and_offset().0, &residual, &bound.into_raw_vec_and_offset().0)
        .unwrap_or_else(|e| panic!("residuals, n {}, K {outputs}: {e}", labels.len()));
    verify::within(&expected_losses.to_vec(), &losses, &loss_bound.to_vec())
        .unwrap_or_else(|e| panic!("losses, n {}, K {outputs}: {e}", labels.len()));
}

fn softmax_of_every_shape<B: Backend>(backend: &B) {
    let mut rng = random(21);
    for n in super::SIZES {
        for outputs in [1, 2, 10, 16, 17, 31, 64, 65, 257, 1000] {
            let labels: Vec<u32> = (0..n).map(|_| rng.random_range(0..outputs as u32)).collect();
            check(backend, uniform(&mut rng, n * outputs, 8.0), &labels, outputs);
        }
    }
}

fn softmax_of_hostile_scores<B: Backend>(backend: &B) {
    let mut scores = Vec::new();
    let mut labels = Vec::new();
    let mut row = |values: [f32; 4]| {
        for label in 0..4 {
            scores.extend(values);
            labels.push(label);
        }
    };
    row([1000.0, -1000.0, 999.0, 0.0]);
    row([-1000.0, -1001.0, -1000.5, -1003.0]); // a thousand below the row before it
    row([0.0; 4]);
    row([1000.0; 4]);
    row([-3.44, 1.16, -0.81, 3.91]);
    row([88.0, 0.0, -88.0, -104.0]);
    row([1e-30, -1e-30, 0.0, 1e-38]);
    check(backend, scores, &labels, 4);
}

fn rows_without_a_label_give_probabilities<B: Backend>(backend: &B) {
    let scores = uniform(&mut random(22), 5 * 40, 30.0);
    check(backend, scores.clone(), &[NO_LABEL; 5], 40);
    let (probabilities, losses) = run(backend, &scores, &[NO_LABEL; 5], 40);
    assert_eq!(losses, [0.0; 5]);
    for row in probabilities.chunks(40) {
        let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
        assert!((sum - 1.0).abs() < 40.0 * 20.0 * bounds::U, "probabilities sum to {sum}");
    }
}

fn softmax_past_65535_workgroups<B: Backend>(backend: &B) {
    let n = 64 * 65_600;
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    check(backend, uniform(&mut random(23), n * 2, 3.0), &labels, 2);
}
