//! scores: every shape around the tiles, rows picked in any order.

use huemax::backend::{Backend, Rows, reference};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::{Array1, Array2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::on_both;
use crate::support::{f64s, integers, poisoned, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, scores_of_every_shape);
    on_both!(trials, scores_of_integers_are_exact);
    on_both!(trials, scores_past_65535_workgroups);
}

fn check<B: Backend>(backend: &B, n: usize, columns: usize, outputs: usize) {
    check_values(backend, [n, columns, outputs], uniform, false);
}

fn check_values<B: Backend>(
    backend: &B,
    [n, columns, outputs]: [usize; 3],
    values: fn(&mut ChaCha8Rng, usize, f32) -> Vec<f32>,
    exact: bool,
) {
    let rng = &mut random((n * 7 + columns * 3 + outputs) as u64);
    let chunk = n + 3;
    let x = values(rng, chunk * columns, 2.0);
    let parameters = values(rng, outputs * (columns + 1), 2.0);
    // Rows in an order of their own, some twice, read from the middle of the index.
    let index: Vec<u32> = (0..n + 2).map(|_| rng.random_range(0..chunk as u32)).collect();
    let features = backend.upload(&x).expect("upload");
    let device_index = backend.upload(&index).expect("upload");
    let device_parameters = backend.upload(&parameters).expect("upload");
    let mut scores = poisoned(backend, n * outputs);
    let rows = Rows { features: &features, columns, index: &device_index, first: 2, count: n };
    backend.scores(&rows, &device_parameters, outputs, &mut scores).expect("scores");
    let got = backend.download(&scores, n * outputs).expect("download");

    let x = Array2::from_shape_vec((chunk, columns), f64s(&x)).expect("shape");
    let picked: Vec<usize> = index[2..].iter().map(|&i| i as usize).collect();
    let x = x.select(Axis(0), &picked);
    let (w, b) = parameters.split_at(outputs * columns);
    let w = Array2::from_shape_vec((outputs, columns), f64s(w)).expect("shape");
    let b = Array1::from(f64s(b));
    let expected = reference::scores(x.view(), w.view(), b.view());
    let mut bound = bounds::scores(x.view(), w.view(), b.view());
    if exact {
        bound.fill(0.0);
    }
    let flat = |a: Array2<f64>| a.iter().copied().collect::<Vec<_>>();
    verify::within(&flat(expected), &got, &flat(bound))
        .unwrap_or_else(|e| panic!("n {n}, D {columns}, K {outputs}: {e}"));
}

fn scores_of_every_shape<B: Backend>(backend: &B) {
    for n in super::SIZES {
        for (columns, outputs) in [(1, 1), (15, 2), (16, 16), (17, 17), (65, 3), (512, 10), (131, 33)] {
            check(backend, n, columns, outputs);
        }
    }
    for (columns, outputs) in [(4096, 5), (4, 1000), (33, 257)] {
        check(backend, 19, columns, outputs);
    }
}

fn scores_of_integers_are_exact<B: Backend>(backend: &B) {
    for shape in [[131, 512, 10], [17, 4096, 3], [64, 33, 65]] {
        check_values(backend, shape, integers, true);
    }
}

fn scores_past_65535_workgroups<B: Backend>(backend: &B) {
    check(backend, 64 * 65_600, 1, 1);
}
