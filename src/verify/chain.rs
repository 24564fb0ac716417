//! The stages one after the other, as training runs them, on one device or on two: arrays stay where they were made, and
//! cross to another device by way of the host.

use super::Stage;
use crate::backend::{Backend, Bins, DeviceError, Pictures, Rows, Splits, Step};

/// A small training: pictures to describe, then mini-batch steps.
pub(super) struct Problem {
    pub(super) pictures: Pictures,
    pub(super) bins: Bins,
    /// By picture.
    pub(super) labels: Vec<u32>,
    /// K.
    pub(super) outputs: usize,
    /// Pictures in the order of training.
    pub(super) order: Vec<u32>,
    /// First place in `order` and number of rows of each step.
    pub(super) batches: Vec<(usize, usize)>,
    pub(super) step: Step,
    /// Whether scores, softmax and gradient run as one stage.
    pub(super) fused: bool,
    /// Parameters to begin with.
    pub(super) start: Vec<f32>,
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
    pub(super) fn stages(&self) -> &'static [Stage] {
        if self.fused {
            &[Stage::Objective, Stage::Reduce, Stage::Step]
        } else {
            &[Stage::Scores, Stage::Softmax, Stage::Gradient, Stage::Reduce, Stage::Step]
        }
    }

    fn longest(&self) -> usize {
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
    pub(super) velocity: Vec<f32>,
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
            splits: Splits { rows: 0, count: 0 },
        }
    }
}

/// A device that can run the stages of a [`Problem`]; without its type, so that two kinds can take turns.
pub(super) trait Side {
    /// Runs a stage on `batch`; `splits` is how the partial sums that are there were divided.
    fn compute(&mut self, stage: Stage, batch: (usize, usize), splits: Splits) -> Result<(), DeviceError>;
    /// How this device divides a batch.
    fn splits(&self, batch: (usize, usize)) -> Splits;
    /// Copies what `stage` wrote to the host.
    fn read(&self, stage: Stage, batch: (usize, usize), host: &mut Host) -> Result<(), DeviceError>;
    /// Takes over what `stage` wrote on another device.
    fn put(&mut self, stage: Stage, host: &Host) -> Result<(), DeviceError>;
    /// Fills what `stage` is about to write with garbage.
    fn poison(&mut self, stage: Stage) -> Result<(), DeviceError>;
}

/// The arrays of a [`Problem`] on a device.
pub(super) struct On<'a, B: Backend> {
    backend: &'a B,
    problem: &'a Problem,
    index: B::Array<u32>,
    labels: B::Array<u32>,
    counts: B::Array<u32>,
    features: B::Array<f32>,
    scores: B::Array<f32>,
    residual: B::Array<f32>,
    losses: B::Array<f32>,
    partials: B::Array<f32>,
    sums: B::Array<f32>,
    parameters: B::Array<f32>,
    velocity: B::Array<f32>,
}

impl<'a, B: Backend> On<'a, B> {
    pub(super) fn new(backend: &'a B, problem: &'a Problem) -> Result<Self, DeviceError> {
        let n = problem.longest();
        let poisoned = |len: usize| backend.upload(&vec![f32::NAN; len]);
        let cells = problem.pictures.len() * problem.columns();
        Ok(Self {
            backend,
            problem,
            index: backend.upload(&problem.order)?,
            labels: backend.upload(&problem.labels)?,
            counts: backend.upload(&vec![0xDEAD_BEEFu32; cells])?,
            features: poisoned(cells)?,
            scores: poisoned(n * problem.outputs)?,
            residual: poisoned(n * problem.outputs)?,
            losses: poisoned(n)?,
            // No device makes more partial sums than there are rows.
            partials: poisoned(n * problem.width())?,
            sums: poisoned(problem.width())?,
            parameters: backend.upload(&problem.start)?,
            velocity: backend.zeros(problem.len())?,
        })
    }

    /// The parameters now.
    pub(super) fn parameters(&self) -> Result<Vec<f32>, DeviceError> {
        self.backend.download(&self.parameters, self.problem.len())
    }
}

impl<B: Backend> Side for On<'_, B> {
    fn compute(
        &mut self,
        stage: Stage,
        (first, count): (usize, usize),
        splits: Splits,
    ) -> Result<(), DeviceError> {
        let Self { backend, problem: p, .. } = *self;
        let (columns, outputs) = (p.columns(), p.outputs);
        let rows = Rows { features: &self.features, columns, index: &self.index, first, count };
        match stage {
            Stage::Describe => backend.describe(&p.pictures, &p.bins, &mut self.counts),
            Stage::Normalize => {
                backend.normalize(&self.counts, p.pictures.len(), columns, &mut self.features)
            }
            Stage::Scores => backend.scores(&rows, &self.parameters, outputs, &mut self.scores),
            Stage::Softmax => {
                let (residual, losses) = (&mut self.residual, &mut self.losses);
                backend.softmax(&rows, &self.labels, &self.scores, outputs, residual, losses)
            }
            Stage::Gradient => backend.gradient(&rows, &self.residual, outputs, &mut self.partials),
            Stage::Objective => {
                backend.objective(&rows, &self.labels, &self.parameters, outputs, &mut self.partials)
            }
            Stage::Reduce => {
                backend.reduce(&self.partials, splits.count, p.width(), &mut self.sums, 0, false)
            }
            Stage::Step => {
                let (parameters, velocity) = (&mut self.parameters, &mut self.velocity);
                backend.step(parameters, velocity, &self.sums, p.weights(), p.len(), p.step)
            }
            Stage::Training => Ok(()),
        }
    }

    fn splits(&self, (_, count): (usize, usize)) -> Splits {
        self.backend.splits(count, self.problem.columns(), self.problem.outputs)
    }

    fn read(&self, stage: Stage, (_, n): (usize, usize), host: &mut Host) -> Result<(), DeviceError> {
        let (b, p) = (self.backend, self.problem);
        let cells = p.pictures.len() * p.columns();
        match stage {
            Stage::Describe => host.counts = b.download(&self.counts, cells)?,
            Stage::Normalize => host.features = b.download(&self.features, cells)?,
            Stage::Scores => host.scores = b.download(&self.scores, n * p.outputs)?,
            Stage::Softmax => {
                host.residual = b.download(&self.residual, n * p.outputs)?;
                host.losses = b.download(&self.losses, n)?;
            }
            Stage::Gradient | Stage::Objective => {
                host.partials = b.download(&self.partials, host.splits.count * p.width())?;
            }
            Stage::Reduce => host.sums = b.download(&self.sums, p.width())?,
            Stage::Step => {
                host.parameters = b.download(&self.parameters, p.len())?;
                host.velocity = b.download(&self.velocity, p.len())?;
            }
            Stage::Training => {}
        }
        Ok(())
    }

    fn put(&mut self, stage: Stage, host: &Host) -> Result<(), DeviceError> {
        let b = self.backend;
        match stage {
            Stage::Describe => b.write(&mut self.counts, 0, &host.counts),
            Stage::Normalize => b.write(&mut self.features, 0, &host.features),
            Stage::Scores => b.write(&mut self.scores, 0, &host.scores),
            Stage::Softmax => {
                b.write(&mut self.residual, 0, &host.residual)?;
                b.write(&mut self.losses, 0, &host.losses)
            }
            Stage::Gradient | Stage::Objective => b.write(&mut self.partials, 0, &host.partials),
            Stage::Reduce => b.write(&mut self.sums, 0, &host.sums),
            Stage::Step => {
                b.write(&mut self.parameters, 0, &host.parameters)?;
                b.write(&mut self.velocity, 0, &host.velocity)
            }
            Stage::Training => Ok(()),
        }
    }

    fn poison(&mut self, stage: Stage) -> Result<(), DeviceError> {
        let (b, p) = (self.backend, self.problem);
        let (n, cells) = (p.longest(), p.pictures.len() * p.columns());
        let nan = |len: usize| vec![f32::NAN; len];
        match stage {
            Stage::Describe => b.write(&mut self.counts, 0, &vec![0xDEAD_BEEF; cells]),
            Stage::Normalize => b.write(&mut self.features, 0, &nan(cells)),
            Stage::Scores => b.write(&mut self.scores, 0, &nan(n * p.outputs)),
            Stage::Softmax => {
                b.write(&mut self.residual, 0, &nan(n * p.outputs))?;
                b.write(&mut self.losses, 0, &nan(n))
            }
            Stage::Gradient | Stage::Objective => b.write(&mut self.partials, 0, &nan(n * p.width())),
            Stage::Reduce => b.write(&mut self.sums, 0, &nan(p.width())),
            // It changes what is there.
            Stage::Step | Stage::Training => Ok(()),
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
        for &stage in problem.stages() {
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
        for &stage in problem.stages() {
            side.compute(stage, batch, splits)?;
        }
    }
    side.parameters()
}
