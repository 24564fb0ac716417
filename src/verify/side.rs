//! One of the devices of a chain: arrays stay where they were made, and cross to another device by way of the host.

use super::Stage;
use super::chain::{Host, Problem, Update};
use super::data::DeviceTargets;
use crate::backend::{Backend, DeviceError, Rows, Splits};

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
    targets: DeviceTargets<B>,
    counts: B::Array<u32>,
    features: B::Array<f32>,
    scores: B::Array<f32>,
    residual: B::Array<f32>,
    losses: B::Array<f32>,
    partials: B::Array<f32>,
    sums: B::Array<f32>,
    parameters: B::Array<f32>,
    velocity: B::Array<f32>,
    second: B::Array<f32>,
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
            targets: DeviceTargets::new(backend, &problem.targets)?,
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
            second: backend.zeros(problem.len())?,
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
            Stage::Softmax | Stage::Sigmoid | Stage::Hinge | Stage::SquaredHinge => {
                let (residual, losses) = (&mut self.residual, &mut self.losses);
                backend.loss(&rows, &self.targets.labels(), &self.scores, outputs, residual, losses)
            }
            Stage::Gradient => backend.gradient(&rows, &self.residual, outputs, &mut self.partials),
            Stage::Objective => {
                let labels = self.targets.labels();
                backend.objective(&rows, &labels, &self.parameters, outputs, &mut self.partials)
            }
            Stage::Reduce => {
                backend.reduce(&self.partials, splits.count, p.width(), &mut self.sums, 0, false)
            }
            Stage::Step | Stage::Adam => {
                let Self { parameters, velocity, second, sums, .. } = self;
                match p.update {
                    Update::Step(step) => {
                        backend.step(parameters, velocity, sums, p.weights(), p.len(), step)
                    }
                    Update::Adam(adam) => {
                        backend.adam(parameters, [velocity, second], sums, p.weights(), p.len(), adam)
                    }
                }
            }
            // No training of these runs on features without their zeros.
            Stage::ObjectiveSparse | Stage::Training => Ok(()),
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
            Stage::Softmax | Stage::Sigmoid | Stage::Hinge | Stage::SquaredHinge => {
                host.residual = b.download(&self.residual, n * p.outputs)?;
                host.losses = b.download(&self.losses, n)?;
            }
            Stage::Gradient | Stage::Objective => {
                host.partials = b.download(&self.partials, host.splits.count * p.width())?;
            }
            Stage::Reduce => host.sums = b.download(&self.sums, p.width())?,
            Stage::Step | Stage::Adam => {
                host.parameters = b.download(&self.parameters, p.len())?;
                host.velocity = b.download(&self.velocity, p.len())?;
                host.second = b.download(&self.second, p.len())?;
            }
            Stage::ObjectiveSparse | Stage::Training => {}
        }
        Ok(())
    }

    fn put(&mut self, stage: Stage, host: &Host) -> Result<(), DeviceError> {
        let b = self.backend;
        match stage {
            Stage::Describe => b.write(&mut self.counts, 0, &host.counts),
            Stage::Normalize => b.write(&mut self.features, 0, &host.features),
            Stage::Scores => b.write(&mut self.scores, 0, &host.scores),
            Stage::Softmax | Stage::Sigmoid | Stage::Hinge | Stage::SquaredHinge => {
                b.write(&mut self.residual, 0, &host.residual)?;
                b.write(&mut self.losses, 0, &host.losses)
            }
            Stage::Gradient | Stage::Objective => b.write(&mut self.partials, 0, &host.partials),
            Stage::Reduce => b.write(&mut self.sums, 0, &host.sums),
            Stage::Step | Stage::Adam => {
                b.write(&mut self.parameters, 0, &host.parameters)?;
                b.write(&mut self.velocity, 0, &host.velocity)?;
                b.write(&mut self.second, 0, &host.second)
            }
            Stage::ObjectiveSparse | Stage::Training => Ok(()),
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
            Stage::Softmax | Stage::Sigmoid | Stage::Hinge | Stage::SquaredHinge => {
                b.write(&mut self.residual, 0, &nan(n * p.outputs))?;
                b.write(&mut self.losses, 0, &nan(n))
            }
            Stage::Gradient | Stage::Objective => b.write(&mut self.partials, 0, &nan(n * p.width())),
            Stage::Reduce => b.write(&mut self.sums, 0, &nan(p.width())),
            // They change what is there.
            Stage::Step | Stage::Adam | Stage::ObjectiveSparse | Stage::Training => Ok(()),
        }
    }
}
