//! adam: weights are penalised, biases are not; from the first step to late ones, with gradients from none to large, and with
//! weights that become exactly zero.

use super::step::SHAPES;
use crate::backend::{Adam, Backend, DeviceError, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{Values, vector};
use crate::verify::{Stage, bounds};

/// Sizes as they are after `step` steps.
pub(super) fn after(step: u64) -> Adam {
    let (beta1, beta2) = (0.9, 0.999);
    let (correction1, correction2) = (Adam::correction(beta1, step), Adam::correction(beta2, step));
    Adam {
        learning_rate: 0.3,
        beta1,
        beta2,
        epsilon: 1e-8,
        l2: 0.3,
        l1: 0.0,
        scale: 1.0 / 37.0,
        correction1,
        correction2,
    }
}

/// How large gradients and moments are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Size {
    /// Gradients up to 5, moments as such gradients leave them.
    Ordinary,
    /// Moments of nothing yet: the first step.
    FirstStep,
    /// One gradient in two is zero, and so are its moments: only ε is left to divide by.
    None,
    /// Gradients whose squares are not normal numbers any more.
    Tiny,
}

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let kinds = [
        ("", after(7), Size::Ordinary),
        ("/first-step", after(1), Size::FirstStep),
        ("/late", after(1_000_000), Size::Ordinary),
        ("/no-penalty", Adam { l2: 0.0, ..after(7) }, Size::Ordinary),
        (
            "/no-moments",
            Adam { beta1: 0.0, beta2: 0.0, correction1: 1.0, correction2: 1.0, ..after(1) },
            Size::Ordinary,
        ),
        ("/l1", Adam { l1: 0.5, ..after(7) }, Size::Ordinary),
        ("/no-gradient", Adam { l2: 0.0, ..after(7) }, Size::None),
        ("/no-gradient/l1", Adam { l2: 0.0, l1: 1e-9, ..after(7) }, Size::None),
        ("/tiny", Adam { l2: 0.0, ..after(3) }, Size::Tiny),
    ];
    let mut cases = Vec::new();
    for (weights, biases) in SHAPES {
        for (name, adam, size) in kinds {
            let id = format!("{weights}+{biases}{name}");
            cases.push(Case::new(Stage::Adam, id, move |run: &mut Run<'_, B>| {
                check(run, [weights, biases], adam, size)
            }));
        }
    }
    let many = 256 * 65_600;
    let run = move |run: &mut Run<'_, B>| check(run, [many, 3], Adam { l1: 0.5, ..after(7) }, Size::Ordinary);
    cases.push(Case::new(Stage::Adam, format!("past-65535-workgroups/{many}+3"), run).quick(false).large());
    cases
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    [weights, biases]: [usize; 2],
    adam: Adam,
    size: Size,
) -> Result<(), DeviceError> {
    let len = weights + biases;
    let mut draw = |size: f32| Values::Uniform(size).draw(&mut run.random, len);
    let (parameters, mut gradient) = (draw(5.0), draw(5.0));
    let (mut first, mut second) = (draw(0.1), draw(0.03));
    second.iter_mut().for_each(|v| *v *= *v);
    match size {
        Size::Ordinary => {}
        Size::FirstStep => [&mut first, &mut second].into_iter().for_each(|moment| moment.fill(0.0)),
        Size::None => {
            for array in [&mut gradient, &mut first, &mut second] {
                array.iter_mut().step_by(2).for_each(|v| *v = 0.0);
            }
        }
        Size::Tiny => {
            gradient.iter_mut().chain(&mut first).for_each(|v| *v *= 1e-19);
            second.iter_mut().for_each(|v| *v *= 1e-36);
        }
    }
    let before: [Vec<f32>; 4] = [parameters, first, second, gradient];
    let [mut parameters, mut first, mut second] =
        [run.holding(&before[0])?, run.holding(&before[1])?, run.holding(&before[2])?];
    let gradient = run.backend.upload(&before[3])?;
    run.backend.adam(&mut parameters, [&mut first, &mut second], &gradient, weights, len, adam)?;
    let after = [run.read(&parameters, len)?, run.read(&first, len)?, run.read(&second, len)?];
    judge(run, before.each_ref().map(|v| &v[..]), weights, adam, after.each_ref().map(|v| &v[..]));
    Ok(())
}

/// Compares parameters, first and second moments after one step with the reference; before it the same, and the gradient.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    before: [&[f32]; 4],
    weights: usize,
    adam: Adam,
    after: [&[f32]; 3],
) {
    let [w, m, v, g] = before.map(vector);
    let bounds = bounds::adam(w.view(), [m.view(), v.view()], g.view(), weights, adam);
    let (mut parameters, mut first, mut second) = (w.clone(), m.clone(), v.clone());
    reference::adam(&mut parameters, &mut first, &mut second, g.view(), weights, adam);
    let place = |j: usize| {
        let kind = if j < weights { "weight" } else { "bias" };
        let (len, w, m, v, g) = (w.len(), w[j], m[j], v[j], g[j]);
        format!("{kind} {j} of {len}, which was {w} with moments {m} and {v} and gradient {g}")
    };
    for at in [1, 2, 0] {
        let name = ["parameters", "first moments", "second moments"][at];
        let expected = [&parameters, &first, &second][at].to_vec();
        run.within(name, &expected, after[at], &bounds[at].to_vec(), place);
    }
}
