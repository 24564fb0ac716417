//! Cases in the shapes in which a command uses a device: made for whatever those are, and named so that one of them can be repeated.

use rand::RngExt;

use super::models::{self, Mask};
use super::{adam, describe, gradient, hinge, loss, normalize, objective, objective_sparse, reduce, scores};
use super::{sigmoid, step};
use crate::backend::{Adam, Backend, Bins, Loss, Models, Step};
use crate::verify::Stage;
use crate::verify::case::{Case, Run};
use crate::verify::data::{Values, targets, weights};

/// A stage and its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum Used {
    Describe([usize; 3]),
    Normalize(usize),
    /// Columns and outputs.
    Scores([usize; 2]),
    /// Outputs of a model, and models.
    Loss(Loss, [usize; 2]),
    /// Columns and outputs.
    Gradient([usize; 2]),
    /// Columns, outputs of a model, and models.
    Objective(Loss, [usize; 3]),
    /// The same of features without their zeros.
    Sparse(Loss, [usize; 3]),
    /// Columns.
    Reduce(usize),
    /// Weights and biases.
    Step([usize; 2]),
    Adam([usize; 2]),
}

/// What stands in a name between the stage and the shape.
const AS_USED: &str = "as-used";
/// Numbers that a case multiplies, about, and rows of a case.
const WORK: usize = 30_000_000;
const ROWS: (usize, usize) = (17, 131);
/// Numbers of an array, at most: no more than what somebody may type.
const MOST: usize = 1 << 27;

impl Used {
    pub(in crate::verify) fn stage(self) -> Stage {
        match self {
            Self::Describe(_) => Stage::Describe,
            Self::Normalize(_) => Stage::Normalize,
            Self::Scores(_) => Stage::Scores,
            Self::Loss(loss, _) => Stage::of(loss),
            Self::Gradient(_) => Stage::Gradient,
            Self::Objective(..) => Stage::Objective,
            Self::Sparse(..) => Stage::ObjectiveSparse,
            Self::Reduce(_) => Stage::Reduce,
            Self::Step(_) => Stage::Step,
            Self::Adam(_) => Stage::Adam,
        }
    }

    /// The name without the stage: `as-used/softmax/512x10x1`.
    fn name(self) -> String {
        let dims = |dims: &[usize]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        let shape = match self {
            Self::Describe(counts) => dims(&counts),
            Self::Normalize(columns) | Self::Reduce(columns) => dims(&[columns]),
            Self::Scores(shape) | Self::Loss(_, shape) | Self::Gradient(shape) => dims(&shape),
            Self::Objective(loss, shape) | Self::Sparse(loss, shape) => format!("{loss}/{}", dims(&shape)),
            Self::Step([weights, biases]) | Self::Adam([weights, biases]) => format!("{weights}+{biases}"),
        };
        format!("{AS_USED}/{shape}")
    }

    /// What `id` names, with its stage; none where it is no such name, or names more than anybody computes.
    pub(in crate::verify) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('/');
        let stage: Stage = parts.next()?.parse().ok()?;
        if parts.next()? != AS_USED {
            return None;
        }
        let mut shape = parts.next()?;
        let loss = Loss::ALL.into_iter().find(|loss| loss.name() == shape);
        if loss.is_some() {
            shape = parts.next()?;
        }
        let numbers: Option<Vec<usize>> = shape.split(['x', '+']).map(|n| n.parse().ok()).collect();
        let numbers = numbers.filter(|numbers| numbers.iter().all(|&n| n > 0) && parts.next().is_none())?;
        numbers.iter().try_fold(1usize, |all, &n| all.checked_mul(n)).filter(|&all| all <= MOST)?;
        let found = match (stage, loss, &numbers[..]) {
            (Stage::Describe, None, &[h, s, v]) => Self::Describe([h, s, v]),
            (Stage::Normalize, None, &[columns]) => Self::Normalize(columns),
            (Stage::Scores, None, &[columns, outputs]) => Self::Scores([columns, outputs]),
            (Stage::Gradient, None, &[columns, outputs]) => Self::Gradient([columns, outputs]),
            (Stage::Objective, Some(loss), &[d, k, m]) => Self::Objective(loss, [d, k, m]),
            (Stage::ObjectiveSparse, Some(loss), &[d, k, m]) => Self::Sparse(loss, [d, k, m]),
            (Stage::Reduce, None, &[columns]) => Self::Reduce(columns),
            (Stage::Step, None, &[weights, biases]) => Self::Step([weights, biases]),
            (Stage::Adam, None, &[weights, biases]) => Self::Adam([weights, biases]),
            (stage, None, &[outputs, models]) => Self::Loss(stage.loss()?, [outputs, models]),
            _ => return None,
        };
        Some(found)
    }

    /// The case; none where there can be no such bins.
    pub(in crate::verify) fn case<B: Backend + 'static>(self) -> Option<Case<B>> {
        let case = match self {
            Self::Describe(counts) => {
                let bins = Bins::new(counts.map(|c| u32::try_from(c).unwrap_or(u32::MAX))).ok()?;
                self.with(move |run| describe::of_every_kind(run, &bins))
            }
            Self::Normalize(columns) => self.with(move |run| {
                // Counts of pictures, of none at all, and of very large ones.
                let mut counts: Vec<u32> =
                    (0..5 * columns).map(|_| run.random.random_range(0..=40_000)).collect();
                counts[columns..2 * columns].fill(0);
                counts[2 * columns..3 * columns].iter_mut().for_each(|c| *c = c.saturating_mul(5000));
                normalize::check(run, &counts, 5, columns)
            }),
            Self::Scores([columns, outputs]) => self.with(move |run| {
                let shape = [rows(columns * outputs), columns, outputs];
                scores::check(run, shape, Values::Uniform(2.0))?;
                scores::check(run, shape, Values::Integers)
            }),
            Self::Loss(loss, [outputs, 1]) => self.with(move |run| loss_of_one(run, loss, outputs)),
            Self::Loss(loss, [outputs, models]) => self.with(move |run| {
                models::scores(run, loss, [rows(outputs * models), outputs, models], Mask::Random)
            }),
            Self::Gradient([columns, outputs]) => self.with(move |run| {
                let shape = [rows(columns * outputs), columns, outputs];
                gradient::check(run, shape, Values::Uniform(2.0))?;
                gradient::check(run, shape, Values::Integers)
            }),
            Self::Objective(loss, [columns, outputs, 1]) => {
                let case = self.with(move |run| {
                    let shape = [rows(columns * outputs), columns, outputs];
                    objective::check(run, (loss, false), shape, 1.0)?;
                    // Of sums of few rows less may be rounding.
                    objective::check(run, (loss, false), [ROWS.0, columns, outputs], 1.0)?;
                    objective::check(run, (loss, true), shape, 1.0)
                });
                case.fused(columns, outputs)
            }
            Self::Objective(loss, [columns, outputs, models]) => {
                let shape = [rows(columns * outputs * models), outputs, models];
                let case = self.with(move |run| models::features(run, loss, shape, columns, Mask::Folds));
                case.fused_models(columns, outputs * models, Models { count: models, masked: true })
            }
            Self::Sparse(loss, [columns, outputs, models]) => {
                let n = rows(columns * outputs * models);
                let case = self.with(move |run| match models {
                    1 => {
                        objective_sparse::compress(run, n, columns)?;
                        let (shape, share) = ([n, columns, outputs], objective_sparse::SHARE);
                        objective_sparse::check(run, (loss, false), shape, share)?;
                        objective_sparse::check(run, (loss, true), shape, share)
                    }
                    _ => models::sparse(run, loss, [n, outputs, models], columns, Mask::Folds),
                });
                case.sparse([n, columns, outputs * models])
            }
            Self::Reduce(columns) => self.with(move |run| {
                let rows = (WORK / 2 / columns).clamp(3, 67);
                reduce::check(run, rows, columns, Values::Uniform(3.0))?;
                reduce::check(run, rows, columns, Values::Integers)
            }),
            Self::Step([weights, biases]) => self.with(move |run| {
                let (momentum, l2, scale) = (0.9, 0.3, 1.0 / 37.0);
                let plain = Step { learning_rate: 0.7, momentum, nesterov: false, l2, l1: 0.0, scale };
                step::check(run, weights, biases, plain)?;
                step::check(run, weights, biases, Step { nesterov: true, l1: 2.5, ..plain })
            }),
            Self::Adam([weights, biases]) => self.with(move |run| {
                let (size, plain) = (adam::Size::Ordinary, adam::after(7));
                adam::check(run, [weights, biases], plain, size)?;
                adam::check(run, [weights, biases], Adam { l1: 0.5, ..plain }, size)
            }),
        };
        Some(case)
    }

    fn with<B: Backend + 'static>(
        self,
        body: impl Fn(&mut Run<'_, B>) -> Result<(), crate::backend::DeviceError> + 'static,
    ) -> Case<B> {
        Case::new(self.stage(), self.name(), body)
    }
}

/// Rows for a case with so many products a row: some, and fewer where each takes long.
fn rows(products: usize) -> usize {
    (WORK / products.max(1)).clamp(ROWS.0, ROWS.1)
}

/// All that a loss meets: one row in seven without a label, weights, scores on the edges of its formula.
fn loss_of_one<B: Backend>(
    run: &mut Run<'_, B>,
    loss: Loss,
    outputs: usize,
) -> Result<(), crate::backend::DeviceError> {
    let n = rows(outputs);
    let scores = Values::Uniform(8.0).draw(&mut run.random, n * outputs);
    let plain = targets(&mut run.random, loss, n, outputs);
    loss::check(run, &scores, &plain, false)?;
    let weighted = plain.weighted(weights(&mut run.random, outputs));
    loss::check(run, &scores, &weighted, false)?;
    match loss {
        Loss::Softmax => Ok(()),
        Loss::Sigmoid => sigmoid::hostile(run, outputs),
        Loss::Hinge | Loss::SquaredHinge => hinge::grid(run, loss, [n, outputs], true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;

    #[test]
    fn a_name_is_read_as_what_it_names() {
        let all = [
            Used::Describe([8, 8, 8]),
            Used::Normalize(512),
            Used::Scores([512, 10]),
            Used::Loss(Loss::SquaredHinge, [10, 1]),
            Used::Loss(Loss::Softmax, [10, 25]),
            Used::Gradient([4096, 1000]),
            Used::Objective(Loss::Sigmoid, [512, 17, 1]),
            Used::Sparse(Loss::Hinge, [512, 10, 5]),
            Used::Reduce(5130),
            Used::Step([5120, 10]),
            Used::Adam([5120, 10]),
        ];
        for used in all {
            let id = used.case::<Cpu>().unwrap().id;
            assert_eq!(Used::parse(&id), Some(used), "{id}");
            assert!(id.starts_with(&format!("{}/as-used/", used.stage())), "{id}");
        }
        for wrong in [
            "scores",
            "scores/as-used",
            "scores/as-used/512",
            "scores/as-used/512x0",
            "scores/as-used/softmax/512x10",
            "scores/as-used/512x10/more",
            "scores/131x512x10",
            "objective/as-used/512x10x1",
            "training/as-used/5x5",
            "scores/as-used/4294967296x4294967296",
            "describe/as-used/8x8",
        ] {
            assert_eq!(Used::parse(wrong), None, "{wrong}");
        }
        assert!(Used::Describe([0, 1, 1]).case::<Cpu>().is_none());
    }
}
