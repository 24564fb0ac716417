//! step: weights are penalised, biases are not; past 65,535 workgroups too.

use huemax::backend::{Backend, Step, reference};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::Array1;

use crate::on_both;
use crate::support::{f64s, random, uniform};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, one_step_of_every_size);
}

fn one_step_of_every_size<B: Backend>(backend: &B) {
    let step = Step { learning_rate: 0.7, momentum: 0.9, l2: 0.3, scale: 1.0 / 37.0 };
    for (weights, biases) in [(1, 1), (255, 1), (256, 2), (254, 3), (5120, 10), (0, 5), (256 * 65_600, 3)] {
        let rng = &mut random(weights as u64);
        let len = weights + biases;
        let [w, v, g] = std::array::from_fn(|_| uniform(rng, len, 5.0));
        let mut parameters = backend.upload(&w).expect("upload");
        let mut velocity = backend.upload(&v).expect("upload");
        let gradient = backend.upload(&g).expect("upload");
        backend.step(&mut parameters, &mut velocity, &gradient, weights, len, step).expect("step");

        let [w, v, g] = [w, v, g].map(|a| Array1::from(f64s(&a)));
        let (bound, velocity_bound) = bounds::step(w.view(), v.view(), g.view(), weights, step);
        let (mut expected, mut expected_velocity) = (w, v);
        reference::step(&mut expected, &mut expected_velocity, g.view(), weights, step);
        let got = backend.download(&parameters, len).expect("download");
        verify::within(&expected.to_vec(), &got, &bound.to_vec()).unwrap_or_else(|e| panic!("{len}: {e}"));
        let got = backend.download(&velocity, len).expect("download");
        verify::within(&expected_velocity.to_vec(), &got, &velocity_bound.to_vec())
            .unwrap_or_else(|e| panic!("velocity of {len}: {e}"));
    }
}
