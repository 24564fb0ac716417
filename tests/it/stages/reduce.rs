//! reduce: tall, wide, accumulated, into the middle of an array, the same bits every time.

use huemax::backend::{Backend, reference};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::{Array1, Array2};

use crate::on_both;
use crate::support::{f64s, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, reduce_of_every_shape);
    on_both!(trials, integers_are_reduced_exactly);
    on_both!(trials, reduce_is_the_same_every_time);
    on_both!(trials, reduce_past_65535_workgroups);
}

fn check<B: Backend>(backend: &B, rows: usize, columns: usize) {
    let rng = &mut random((rows * 3 + columns) as u64);
    let partials = uniform(rng, rows * columns, 3.0);
    let device = backend.upload(&partials).expect("upload");
    let partials = Array2::from_shape_vec((rows, columns), f64s(&partials)).expect("shape");
    let expected = reference::reduce(partials.view());
    let bound = bounds::reduce(partials.view(), None);
    let around = [f32::NAN; 3];

    let mut sums =
        backend.upload(&[&around[..], &vec![f32::NAN; columns], &around].concat()).expect("upload");
    backend.reduce(&device, rows, columns, &mut sums, 3, false).expect("reduce");
    let got = backend.download(&sums, columns + 6).expect("download");
    assert!(got[..3].iter().chain(&got[columns + 3..]).all(|v| v.is_nan()), "wrote beside the sums");
    verify::within(&expected.to_vec(), &got[3..columns + 3], &bound.to_vec())
        .unwrap_or_else(|e| panic!("{rows} × {columns}: {e}"));

    let before = uniform(rng, columns, 100.0);
    let mut sums = backend.upload(&before).expect("upload");
    backend.reduce(&device, rows, columns, &mut sums, 0, true).expect("reduce");
    let before = Array1::from(f64s(&before));
    let bound = bounds::reduce(partials.view(), Some(before.view()));
    let got = backend.download(&sums, columns).expect("download");
    verify::within(&(expected + before).to_vec(), &got, &bound.to_vec())
        .unwrap_or_else(|e| panic!("{rows} × {columns}, accumulated: {e}"));
}

fn reduce_of_every_shape<B: Backend>(backend: &B) {
    for rows in super::SIZES.into_iter().chain([255, 256, 257, 5003]) {
        for columns in [1, 2, 3, 64, 127, 128, 129, 255, 256, 257, 5130] {
            check(backend, rows, columns);
        }
    }
}

/// Sums of small integers are exact in f32 in any order: a lost row cannot hide in a rounding bound.
fn integers_are_reduced_exactly<B: Backend>(backend: &B) {
    for (rows, columns) in [(5003, 1), (257, 3), (1000, 130), (300, 257), (64, 5130)] {
        let partials: Vec<f32> = (0..rows * columns).map(|i| (i * 7 % 11) as f32 - 4.0).collect();
        let device = backend.upload(&partials).expect("upload");
        let mut sums = crate::support::poisoned(backend, columns);
        backend.reduce(&device, rows, columns, &mut sums, 0, false).expect("reduce");
        let expected = reference::reduce(
            Array2::from_shape_vec((rows, columns), f64s(&partials)).expect("shape").view(),
        );
        let got = backend.download(&sums, columns).expect("download");
        verify::within(&expected.to_vec(), &got, &vec![0.0; columns])
            .unwrap_or_else(|e| panic!("{rows} × {columns}: {e}"));
    }
}

fn reduce_is_the_same_every_time<B: Backend>(backend: &B) {
    let partials = backend.upload(&uniform(&mut random(31), 300 * 700, 1e6)).expect("upload");
    let run = || {
        let mut sums = backend.zeros::<f32>(700).expect("zeros");
        backend.reduce(&partials, 300, 700, &mut sums, 0, false).expect("reduce");
        backend.download(&sums, 700).expect("download").into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let first = run();
    (0..5).for_each(|_| assert_eq!(run(), first));
}

fn reduce_past_65535_workgroups<B: Backend>(backend: &B) {
    check(backend, 1, 256 * 65_600);
}
