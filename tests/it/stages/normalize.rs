//! normalize: rows of any length, the all-zero row, counts beyond 2²⁴.

use huemax::backend::{Backend, reference};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::Array2;
use rand::RngExt;

use crate::on_both;
use crate::support::{poisoned, random};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, rows_of_every_length);
    on_both!(trials, a_row_of_zeros_stays_zero);
    on_both!(trials, past_65535_rows);
}

fn check<B: Backend>(backend: &B, counts: Array2<u32>) {
    let (rows, columns) = counts.dim();
    let device = backend.upload(counts.as_slice().expect("row-major")).expect("upload");
    let mut features = poisoned(backend, rows * columns);
    backend.normalize(&device, rows, columns, &mut features).expect("normalize");
    let got = backend.download(&features, rows * columns).expect("download");
    let expected = reference::normalize(counts.view());
    let bound = bounds::normalize(expected.view());
    verify::within(&expected.into_raw_vec_and_offset().0, &got, &bound.into_raw_vec_and_offset().0)
        .unwrap_or_else(|e| panic!("{rows} × {columns}: {e}"));
}

fn rows_of_every_length<B: Backend>(backend: &B) {
    let mut rng = random(11);
    for columns in super::SIZES.into_iter().chain([512, 910, 4096]) {
        check(backend, Array2::from_shape_fn((5, columns), |_| rng.random_range(0..40_000)));
        // Counts that f32 rounds, and squares far beyond 2³².
        check(backend, Array2::from_shape_fn((2, columns), |_| rng.random_range(0..200_000_000)));
    }
}

fn a_row_of_zeros_stays_zero<B: Backend>(backend: &B) {
    let mut counts = Array2::zeros((3, 65));
    counts[[1, 64]] = 7;
    check(backend, counts);
}

fn past_65535_rows<B: Backend>(backend: &B) {
    check(backend, Array2::from_shape_fn((66_001, 2), |(i, j)| (i % 5 + j) as u32));
}
