//! gradient: every shape around tiles and splits; bias sums; rows in any order.

use huemax::backend::{Backend, Rows, reference};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::{Array2, Axis, s};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::on_both;
use crate::support::{f64s, integers, poisoned, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, gradient_of_every_shape);
    on_both!(trials, gradient_of_integers_is_exact);
    on_both!(trials, no_rows_have_gradient_zero);
    on_both!(trials, gradient_past_65535_workgroups);
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
    let rng = &mut random((n * 5 + columns * 3 + outputs) as u64);
    let chunk = n + 2;
    let x = values(rng, chunk * columns, 2.0);
    let residual = values(rng, n * outputs, 1.0);
    let index: Vec<u32> = (0..n + 1).map(|_| rng.random_range(0..chunk as u32)).collect();
    let features = backend.upload(&x).expect("upload");
    let device_index = backend.upload(&index).expect("upload");
    let device_residual = backend.upload(&residual).expect("upload");
    let (splits, width) = (backend.splits(n, columns, outputs), outputs * (columns + 1));
    let mut partials = poisoned(backend, splits.count * width);
    let rows = Rows { features: &features, columns, index: &device_index, first: 1, count: n };
    backend.gradient(&rows, &device_residual, outputs, &mut partials).expect("gradient");
    let got = backend.download(&partials, splits.count * width).expect("download");

    let x = Array2::from_shape_vec((chunk, columns), f64s(&x)).expect("shape");
    let picked: Vec<usize> = index[1..].iter().map(|&i| i as usize).collect();
    let x = x.select(Axis(0), &picked);
    let residual = Array2::from_shape_vec((n, outputs), f64s(&residual)).expect("shape");
    for (p, got) in got.chunks_exact(width).enumerate() {
        let range = splits.range(p, n);
        let range = s![range.start..range.end, ..];
        let (weight, bias) = reference::gradient(x.slice(range), residual.slice(range));
        let (weight_bound, bias_bound) = bounds::gradient(x.slice(range), residual.slice(range));
        let expected: Vec<f64> = weight.iter().chain(&bias).copied().collect();
        let mut bound: Vec<f64> = weight_bound.iter().chain(&bias_bound).copied().collect();
        if exact {
            bound.fill(0.0);
        }
        verify::within(&expected, got, &bound)
            .unwrap_or_else(|e| panic!("n {n}, D {columns}, K {outputs}, split {p}: {e}"));
    }
}

fn gradient_of_every_shape<B: Backend>(backend: &B) {
    for n in super::SIZES.into_iter().chain([255, 256, 257, 1031]) {
        for (columns, outputs) in [(1, 1), (63, 2), (64, 8), (65, 9), (512, 10), (131, 33)] {
            check(backend, n, columns, outputs);
        }
    }
    for (columns, outputs) in [(4096, 3), (3, 1000)] {
        check(backend, 300, columns, outputs);
    }
}

fn gradient_of_integers_is_exact<B: Backend>(backend: &B) {
    for shape in [[1031, 512, 10], [300, 65, 9], [33, 4096, 3]] {
        check_values(backend, shape, integers, true);
    }
}

fn no_rows_have_gradient_zero<B: Backend>(backend: &B) {
    let one = backend.upload(&[1f32]).expect("upload");
    let index = backend.upload(&[0u32]).expect("upload");
    let mut partials = poisoned(backend, 2);
    let rows = Rows { features: &one, columns: 1, index: &index, first: 0, count: 0 };
    backend.gradient(&rows, &one, 1, &mut partials).expect("gradient");
    assert_eq!(backend.download(&partials, 2).expect("download"), [0.0; 2]);
}

fn gradient_past_65535_workgroups<B: Backend>(backend: &B) {
    check(backend, 1, 64 * 65_600, 1);
}
