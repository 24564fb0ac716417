//! The stages one after the other, as training runs them, on one device or on two.

use super::Stage;
use super::side::{On, Side};
use crate::backend::{Adam, Backend, Bins, DeviceError, Pictures, Splits, Step, Targets};

/// A small training: pictures to describe, then mini-batch steps.
pub(super) struct Problem {
    pub(super) pictures: Pictures,
    pub(super) bins: Bins,
    /// Of each picture what it shows, and what training asks for.
    pub(super) labels: Vec<u32>,
    pub(super) targets: Targets,
    /// K.
    pub(super) outputs: usize,
    /// Pictures in the order of training.
    pub(super) order: Vec<u32>,
    /// First place in `order` and number of rows of each step.
    pub(super) batches: Vec<(usize, usize)>,
    pub(super) update: Update,
    /// Whether scores, loss and gradient run as one stage.
    pub(super) fused: bool,
    /// Parameters to begin with.
    pub(super) start: Vec<f32>,
}

/// How parameters change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Update {
    Step(Step),
    /// The corrections stay those of one step: what a training makes of them is none of a stage's business.
    Adam(Adam),
}

impl Update {
    /// The stage.
    pub(super) fn stage(self) -> Stage {
        match self {
            Self::Step(_) => Stage::Step,
            Self::Adam(_) => Stage::Adam,
        }
    }
}

impl Problem {
    /// D.
    pub(super) fn columns(&self) -> usize {
        self.bins.len()
    }

    /// K·D.
    pub(super) fn weights(&self) -> usize {
        self.outputs * self.columns()
    }

    /// K·D + K.
    pub(super) fn len(&self) -> usize {
        self.outputs * (self.columns() + 1)
    }

    /// Numbers of a partial sum.
    pub(super) fn width(&self) -> usize {
        self.len() + usize::from(self.fused)
    }

    /// The stages before the first step.
    pub(super) const FEATURES: [Stage; 2] = [Stage::Describe, Stage::Normalize];

    /// The stages of a step.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let update = self.update.stage();
        if self.fused {
            vec![Stage::Objective, Stage::Reduce, update]
        } else {
            let loss = Stage::of(self.targets.loss());
            vec![Stage::Scores, loss, Stage::Gradient, Stage::Reduce, update]
        }
    }

    /// Rows of the longest batch.
    pub(super) fn longest(&self) -> usize {
        self.batches.iter().map(|b| b.1).max().unwrap_or(0)
    }
}

/// What every stage wrote last, on the host.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) counts: Vec<u32>,
    pub(super) features: Vec<f32>,
    pub(super) scores: Vec<f32>,
    pub(super) residual: Vec<f32>,
    pub(super) losses: Vec<f32>,
    pub(super) partials: Vec<f32>,
    pub(super) sums: Vec<f32>,
    pub(super) parameters: Vec<f32>,
    /// Of a step; of Adam the first moments.
    pub(super) velocity: Vec<f32>,
    /// The second moments.
    pub(super) second: Vec<f32>,
    /// Of the device that made `partials`.
    pub(super) splits: Splits,
}

impl Host {
    pub(super) fn new(problem: &Problem) -> Self {
        let none = Vec::new;
        Self {
            counts: Vec::new(),
            features: none(),
            scores: none(),
            residual: none(),
            losses: none(),
            partials: none(),
            sums: none(),
            parameters: problem.start.clone(),
            velocity: vec![0.0; problem.len()],
            second: vec![0.0; problem.len()],
            splits: Splits { rows: 0, count: 0 },
        }
    }
}

/// Called after each stage: which, in which step (`None` before the first), on which batch, and what was on the host before
/// and after.
pub(super) type Look<'a> = dyn FnMut(Stage, Option<usize>, (usize, usize), &Host, &Host) + 'a;

/// Runs the whole problem. `who` says which of `sides` computes a stage; every stage is read back and looked at. What is on
/// the host at the end.
pub(super) fn walk(
    problem: &Problem,
    sides: &mut [&mut dyn Side],
    who: &dyn Fn(Stage) -> usize,
    look: &mut Look<'_>,
) -> Result<Host, DeviceError> {
    let mut host = Host::new(problem);
    let mut run = |stage: Stage, at: Option<usize>, batch: (usize, usize)| -> Result<(), DeviceError> {
        let one = who(stage);
        let before = host.clone();
        if matches!(stage, Stage::Gradient | Stage::Objective) {
            host.splits = sides[one].splits(batch);
        }
        sides[one].poison(stage)?;
        sides[one].compute(stage, batch, host.splits)?;
        sides[one].read(stage, batch, &mut host)?;
        for (other, side) in sides.iter_mut().enumerate() {
            if other != one {
                side.put(stage, &host)?;
            }
        }
        look(stage, at, batch, &before, &host);
        Ok(())
    };
    for stage in Problem::FEATURES {
        run(stage, None, (0, 0))?;
    }
    for (at, &batch) in problem.batches.iter().enumerate() {
        for stage in problem.stages() {
            run(stage, Some(at), batch)?;
        }
    }
    Ok(host)
}

/// Runs the whole problem without looking: nothing is read back before the end, as in a real training. The parameters.
pub(super) fn unwatched<B: Backend>(backend: &B, problem: &Problem) -> Result<Vec<f32>, DeviceError> {
    let mut side = On::new(backend, problem)?;
    let none = Splits { rows: 0, count: 0 };
    for stage in Problem::FEATURES {
        side.compute(stage, (0, 0), none)?;
    }
    for &batch in &problem.batches {
        let splits = side.splits(batch);
        for stage in problem.stages() {
            side.compute(stage, batch, splits)?;
        }
    }
    side.parameters()
}
