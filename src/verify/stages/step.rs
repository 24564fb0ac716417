//! step: weights are penalised, biases are not; with either momentum, with weights that become exactly zero, and past 65,535
//! workgroups.

use crate::backend::{Backend, DeviceError, Step, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{Values, vector};
use crate::verify::{Stage, bounds};

/// Weights and biases, around a workgroup.
pub(super) const SHAPES: [(usize, usize); 11] = [
    (1, 1),
    (0, 5),
    (5, 0),
    (254, 1),
    (255, 1),
    (256, 1),
    (256, 2),
    (254, 3),
    (1021, 7),
    (5120, 10),
    (4096, 1000),
];

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let all =
        Step { learning_rate: 0.7, momentum: 0.9, nesterov: false, l2: 0.3, l1: 0.0, scale: 1.0 / 37.0 };
    let sparse = Step { l1: 2.5, ..all };
    let kinds = [
        ("", all),
        ("/no-momentum", Step { momentum: 0.0, ..all }),
        ("/no-penalty", Step { l2: 0.0, ..all }),
        ("/tiny-rate", Step { learning_rate: 1e-6, ..all }),
        ("/nesterov", Step { nesterov: true, ..all }),
        ("/l1", sparse),
        ("/nesterov/l1", Step { nesterov: true, ..sparse }),
    ];
    let mut cases = Vec::new();
    for (weights, biases) in SHAPES {
        for (name, step) in kinds {
            let id = format!("{weights}+{biases}{name}");
            cases.push(Case::new(Stage::Step, id, move |run: &mut Run<'_, B>| {
                check(run, weights, biases, step)
            }));
        }
    }
    let many = 256 * 65_600;
    let run = move |run: &mut Run<'_, B>| check(run, many, 3, Step { nesterov: true, ..sparse });
    cases.push(Case::new(Stage::Step, format!("past-65535-workgroups/{many}+3"), run).quick(false).large());
    cases
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    weights: usize,
    biases: usize,
    step: Step,
) -> Result<(), DeviceError> {
    let len = weights + biases;
    let mut draw = || Values::Uniform(5.0).draw(&mut run.random, len);
    let before: [Vec<f32>; 3] = [draw(), draw(), draw()];
    let [mut parameters, mut velocity] = [run.holding(&before[0])?, run.holding(&before[1])?];
    let gradient = run.backend.upload(&before[2])?;
    run.backend.step(&mut parameters, &mut velocity, &gradient, weights, len, step)?;
    let (parameters, velocity) = (run.read(&parameters, len)?, run.read(&velocity, len)?);
    judge(run, [&before[0], &before[1], &before[2]], weights, step, [&parameters, &velocity]);
    Ok(())
}

/// Compares parameters and velocity after one step with the reference; before it: parameters, velocity, gradient.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    before: [&[f32]; 3],
    weights: usize,
    step: Step,
    [parameters, velocity]: [&[f32]; 2],
) {
    let [w, v, g] = before.map(vector);
    let (bound, velocity_bound) = bounds::step(w.view(), v.view(), g.view(), weights, step);
    let (mut expected, mut expected_velocity) = (w.clone(), v.clone());
    reference::step(&mut expected, &mut expected_velocity, g.view(), weights, step);
    let place = |j: usize| {
        let kind = if j < weights { "weight" } else { "bias" };
        format!("{kind} {j} of {}, which was {} with velocity {} and gradient {}", w.len(), w[j], v[j], g[j])
    };
    run.within("velocity", &expected_velocity.to_vec(), velocity, &velocity_bound.to_vec(), place);
    run.within("parameters", &expected.to_vec(), parameters, &bound.to_vec(), place);
}
