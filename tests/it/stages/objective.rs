//! objective: the one pass against the reference, for every shape that it is made for.

use huemax::backend::{Backend, NO_LABEL, Rows, reference};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::{Array1, Array2, Axis, s};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::on_both;
use crate::support::{f64s, poisoned, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, objective_of_every_shape);
}

fn check<B: Backend>(
    backend: &B,
    [n, columns, outputs]: [usize; 3],
    values: fn(&mut ChaCha8Rng, usize, f32) -> Vec<f32>,
) {
    if !backend.fuses(columns, outputs) {
        return;
    }
    let rng = &mut random((n * 5 + columns * 3 + outputs) as u64);
    let chunk = n + 2;
    let x = values(rng, chunk * columns, 1.0);
    let parameters = values(rng, outputs * (columns + 1), 1.0);
    let labels: Vec<u32> =
        (0..chunk).map(|i| if i % 7 == 3 { NO_LABEL } else { rng.random_range(0..outputs as u32) }).collect();
    let index: Vec<u32> = (0..n + 1).map(|_| rng.random_range(0..chunk as u32)).collect();
    let features = backend.upload(&x).expect("upload");
    let device_index = backend.upload(&index).expect("upload");
    let device_labels = backend.upload(&labels).expect("upload");
    let device_parameters = backend.upload(&parameters).expect("upload");
    let (splits, width) = (backend.splits(n, columns, outputs), outputs * (columns + 1) + 1);
    let mut partials = poisoned(backend, splits.count * width);
    let rows = Rows { features: &features, columns, index: &device_index, first: 1, count: n };
    backend.objective(&rows, &device_labels, &device_parameters, outputs, &mut partials).expect("objective");
    let got = backend.download(&partials, splits.count * width).expect("download");

    let x = Array2::from_shape_vec((chunk, columns), f64s(&x)).expect("shape");
    let picked: Vec<usize> = index[1..].iter().map(|&i| i as usize).collect();
    let x = x.select(Axis(0), &picked);
    let labels: Vec<u32> = picked.iter().map(|&i| labels[i]).collect();
    let (w, b) = parameters.split_at(outputs * columns);
    let w = Array2::from_shape_vec((outputs, columns), f64s(w)).expect("shape");
    let b = Array1::from(f64s(b));
    for (p, got) in got.chunks_exact(width).enumerate() {
        let range = splits.range(p, n);
        let (labels, x) = (&labels[range.clone()], x.slice(s![range, ..]));
        let flat = |(w, b, l): (Array2<f64>, Array1<f64>, f64)| -> Vec<f64> {
            w.into_iter().chain(b).chain([l]).collect()
        };
        let expected = flat(reference::objective(x, w.view(), b.view(), labels));
        let bound = flat(bounds::objective(x, w.view(), b.view(), labels));
        verify::within(&expected, got, &bound)
            .unwrap_or_else(|e| panic!("n {n}, D {columns}, K {outputs}, split {p}: {e}"));
    }
}

fn objective_of_every_shape<B: Backend>(backend: &B) {
    for n in super::SIZES.into_iter().chain([0, 255, 256, 257, 1031]) {
        for (columns, outputs) in [(1, 1), (63, 2), (64, 8), (65, 9), (512, 10), (131, 16), (131, 33)] {
            check(backend, [n, columns, outputs], uniform);
        }
    }
    for (columns, outputs) in [(4096, 3), (1000, 16), (3, 1000)] {
        check(backend, [300, columns, outputs], uniform);
    }
}
