//! Features that are mostly zeros: which of them a training takes without their zeros, and that it makes no difference.

use huemax::backend::{Backend, Cpu, Loss, reference};
use huemax::features::Matrix;
use huemax::learn::{Full, Labelled, Targets};
use huemax::verify::{bounds, within};
use libtest_mimic::Trial;
use ndarray::{Array1, Array2};
use rand::RngExt;

use crate::on_both;
use crate::support::{f64s, plain, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, the_objective_is_the_same_with_zeros_and_without);
    plain(trials, "sparse::chunks_are_taken_by_their_density", chunks_are_taken_by_their_density);
}

const ROWS: usize = 2000;
const COLUMNS: usize = 256;
const OUTPUTS: usize = 5;

/// Features of which a share of `share` is not zero.
fn features(share: f64) -> Vec<f32> {
    let rng = &mut random(77);
    let some = uniform(rng, ROWS * COLUMNS, 1.0);
    some.into_iter().map(|x| if rng.random_bool(share) { x } else { 0.0 }).collect()
}

fn the_objective_is_the_same_with_zeros_and_without<B: Backend>(backend: &B) {
    let below = backend.sparse_below(ROWS, COLUMNS, OUTPUTS);
    for share in [0.0, 0.03, 0.5] {
        let features = features(share);
        let matrix = Matrix::upload(backend, &features, COLUMNS).expect("a matrix");
        // On the CPU both ways are gone.
        let taken = matrix.sparse(backend, below).expect("chunks");
        assert!(taken.iter().all(|chunk| chunk.is_some() == below.is_some_and(|below| share < below)));
        let labels: Vec<Vec<u32>> = (0..ROWS as u32).map(|i| vec![i % OUTPUTS as u32]).collect();
        let targets = Targets::new(Loss::Softmax, OUTPUTS, &labels);
        let data = Labelled::new(backend, &matrix, &targets).expect("labels");
        let rows: Vec<usize> = (0..ROWS).collect();
        let parameters = f64s(&uniform(&mut random(78), data.parameters(), 0.5));
        let mut full = Full::new(backend, &data, &rows).expect("an objective");
        let found = full.at(&parameters, 0.0).expect("an evaluation");

        let x = Array2::from_shape_vec((ROWS, COLUMNS), f64s(&features)).expect("shape");
        let (weight, bias) = parameters.split_at(OUTPUTS * COLUMNS);
        let weight = Array2::from_shape_vec((OUTPUTS, COLUMNS), weight.to_vec()).expect("shape");
        let bias = Array1::from(bias.to_vec());
        let (of_weights, of_biases, loss) =
            reference::objective(x.view(), weight.view(), bias.view(), &targets);
        let (weight_bound, bias_bound, _) = bounds::objective(x.view(), weight.view(), bias.view(), &targets);
        let expected: Vec<f64> = of_weights.into_iter().chain(of_biases).collect();
        let bound: Vec<f64> = weight_bound.into_iter().chain(bias_bound).collect();
        let sums: Vec<f32> = found.gradient.iter().map(|g| (g * ROWS as f64) as f32).collect();
        within(&expected, &sums, &bound).expect("the gradient");
        assert!((found.loss * ROWS as f64 - loss[0]).abs() < 1e-5 * loss[0], "{} {loss}", found.loss);
    }
}

fn chunks_are_taken_by_their_density() {
    let cpu = Cpu::new();
    let matrix = Matrix::upload(&cpu, &features(0.1), COLUMNS).expect("a matrix");
    let taken = |below| matrix.sparse(&cpu, below).expect("chunks")[0].is_some();
    assert_eq!([None, Some(0.0), Some(0.09), Some(0.11)].map(taken), [false, false, false, true]);
    // Neither what is dense, nor rows so few or so short that it would take longer.
    let below = |rows, columns| cpu.sparse_below(rows, columns, OUTPUTS).expect("the stage");
    assert!(below(20_000, 512) > 0.05 && below(20_000, 512) < 0.35);
    assert_eq!([below(500, 512), below(20_000, 64)], [0.0, 0.0]);
}
