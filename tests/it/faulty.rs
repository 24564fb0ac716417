//! A device that does what another does, but for one fault in one stage.

use huemax::backend::{
    Adam, Backend, Bins, DeviceError, DeviceInfo, Element, Labels, Loss, Models, NO_LABEL, Pictures, Probe,
    Rows, Sparse, SparseRows, Splits, Step, Timed,
};

use crate::fault::Fault;

/// A device that does what another does, but for one fault.
#[derive(Debug)]
pub struct Faulty<B: Backend + 'static> {
    pub inner: &'static B,
    pub fault: Fault,
}

impl<B: Backend> Faulty<B> {
    /// Changes element `at` of an array.
    fn spoil<T: Element>(
        &self,
        array: &mut B::Array<T>,
        at: usize,
        change: impl Fn(T) -> T,
    ) -> Result<(), DeviceError> {
        let value = self.inner.download(array, at + 1)?[at];
        self.inner.write(array, at, &[change(value)])
    }
}

fn rows<'a, B: Backend>(rows: &Rows<'a, Faulty<B>>) -> Rows<'a, B> {
    let &Rows { features, columns, index, first, count } = rows;
    Rows { features, columns, index, first, count }
}

fn sparse_rows<'a, B: Backend>(rows: &SparseRows<'a, Faulty<B>>) -> SparseRows<'a, B> {
    let &SparseRows { offsets, columns, values, width, index, first, count } = rows;
    SparseRows { offsets, columns, values, width, index, first, count }
}

fn labels<'a, B: Backend>(labels: &Labels<'a, Faulty<B>>) -> Labels<'a, B> {
    let &Labels { loss, words, weights, models, mask } = labels;
    Labels { loss, words, weights, models, mask }
}

impl<B: Backend> Faulty<B> {
    /// The residuals of scores (n×K) with `change` made to each: what it is given is the row, the output, and the residual.
    fn residuals(
        &self,
        residual: &mut B::Array<f32>,
        [n, outputs]: [usize; 2],
        change: impl Fn(usize, usize, f32) -> f32,
    ) -> Result<(), DeviceError> {
        let mut all = self.inner.download(residual, n * outputs)?;
        all.iter_mut().enumerate().for_each(|(at, r)| *r = change(at / outputs, at % outputs, *r));
        self.inner.write(residual, 0, &all)
    }

    /// Parameters with `change` made to each: what it is given is the place and the value.
    fn parameters(
        &self,
        parameters: &mut B::Array<f32>,
        len: usize,
        change: impl Fn(usize, f32) -> f32,
    ) -> Result<(), DeviceError> {
        let mut all = self.inner.download(parameters, len)?;
        all.iter_mut().enumerate().for_each(|(j, w)| *w = change(j, *w));
        self.inner.write(parameters, 0, &all)
    }

    /// Labels of the rows of a batch, for a loss of one a row.
    fn labels_of(&self, r: &Rows<'_, Self>, labels: &Labels<'_, Self>) -> Result<Vec<u32>, DeviceError> {
        let index = self.inner.download(r.index, r.first + r.count)?;
        let most = index[r.first..].iter().copied().max().map_or(0, |row| row as usize + 1);
        let words = self.inner.download(labels.words, most)?;
        Ok(index[r.first..].iter().map(|&row| words[row as usize]).collect())
    }
}

/// The weights of labels that a fault leaves of `weights` (2·K).
fn spoiled_weights(fault: Fault, loss: Loss, weights: &mut [f32]) -> bool {
    let outputs = weights.len() / 2;
    match fault {
        Fault::WeightsWithoutTheLabelForgotten if loss == Loss::Sigmoid => weights[outputs..].fill(1.0),
        Fault::HingeWeightsForgotten if loss == Loss::SquaredHinge => weights.fill(1.0),
        _ => return false,
    }
    true
}

impl<B: Backend> Backend for Faulty<B> {
    type Array<T: Element> = B::Array<T>;

    fn info(&self) -> &DeviceInfo {
        self.inner.info()
    }

    fn zeros<T: Element>(&self, len: usize) -> Result<B::Array<T>, DeviceError> {
        if self.fault == Fault::LittleMemory && len > 4000 {
            let (device, reason) = (self.info().name.clone(), "on purpose".into());
            return Err(DeviceError::OutOfMemory { device, asked: String::new(), reason, way_out: "none" });
        }
        self.inner.zeros(len)
    }

    fn upload<T: Element>(&self, values: &[T]) -> Result<B::Array<T>, DeviceError> {
        self.inner.upload(values)
    }

    fn write<T: Element>(&self, array: &mut B::Array<T>, at: usize, values: &[T]) -> Result<(), DeviceError> {
        self.inner.write(array, at, values)
    }

    fn copy<T: Element>(
        &self,
        from: (&B::Array<T>, usize),
        to: (&mut B::Array<T>, usize),
        len: usize,
    ) -> Result<(), DeviceError> {
        self.inner.copy(from, to, len)
    }

    fn download<T: Element>(&self, array: &B::Array<T>, len: usize) -> Result<Vec<T>, DeviceError> {
        self.inner.download(array, len)
    }

    fn describe(
        &self,
        pictures: &Pictures,
        bins: &Bins,
        counts: &mut B::Array<u32>,
    ) -> Result<(), DeviceError> {
        let last = pictures.len().saturating_sub(1) * bins.len();
        let before = self.inner.download(counts, pictures.len() * bins.len())?;
        self.inner.describe(pictures, bins, counts)?;
        match self.fault {
            Fault::OneCountTooMany if !pictures.is_empty() => self.spoil(counts, last, |c| c + 1),
            Fault::LastPictureNotCounted if !pictures.is_empty() => {
                self.inner.write(counts, last, &before[last..])
            }
            Fault::OneColourInTheNextBin if bins.len() > 1 => {
                let mut all = self.inner.download(counts, before.len())?;
                for (i, row) in all.chunks_exact_mut(bins.len()).enumerate() {
                    let wrong = pictures.rgb(i).chunks_exact(3).filter(|p| *p == WRONG).count() as u32;
                    let [h, s, v] = huemax::backend::reference::hsv(WRONG).map(usize::from);
                    let [hue, saturation, value] = bins.tables();
                    let bin = (hue[h] + saturation[s] + value[v]) as usize;
                    row[bin] -= wrong;
                    row[(bin + 1) % bins.len()] += wrong;
                }
                self.inner.write(counts, 0, &all)
            }
            _ => Ok(()),
        }
    }

    fn normalize(
        &self,
        counts: &B::Array<u32>,
        rows: usize,
        columns: usize,
        features: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        self.inner.normalize(counts, rows, columns, features)?;
        match self.fault {
            Fault::FeatureSlightlyOff => self.spoil(features, rows * columns - 1, |f| f * 1.0001),
            Fault::ZeroRowIsNaN => {
                let mut all = self.inner.download(features, rows * columns)?;
                for row in all.chunks_exact_mut(columns).filter(|row| row.iter().all(|&f| f == 0.0)) {
                    row.fill(f32::NAN);
                }
                self.inner.write(features, 0, &all)
            }
            _ => Ok(()),
        }
    }

    fn scores(
        &self,
        r: &Rows<'_, Self>,
        parameters: &B::Array<f32>,
        outputs: usize,
        scores: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let (len, weights) = (r.count * outputs, outputs * r.columns);
        if self.fault == Fault::BiasForgotten {
            let mut without = self.inner.download(parameters, weights)?;
            without.resize(weights + outputs, 0.0);
            let without = self.inner.upload(&without)?;
            return self.inner.scores(&rows(r), &without, outputs, scores);
        }
        let before = self.inner.download(scores, len)?;
        self.inner.scores(&rows(r), parameters, outputs, scores)?;
        match self.fault {
            Fault::LastScoreNotWritten if len > 0 => self.spoil(scores, len - 1, |_| before[len - 1]),
            _ => Ok(()),
        }
    }

    fn loss(
        &self,
        r: &Rows<'_, Self>,
        given: &Labels<'_, Self>,
        scores: &B::Array<f32>,
        outputs: usize,
        residual: &mut B::Array<f32>,
        losses: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let loss = given.loss;
        let (models, each) = (given.models, outputs / given.models);
        let mut weights = self.inner.download(given.weights, 2 * each)?;
        let inner = &self.inner;
        if spoiled_weights(self.fault, loss, &mut weights) {
            let weights = inner.upload(&weights)?;
            let labels = Labels { weights: &weights, ..labels(given) };
            return inner.loss(&rows(r), &labels, scores, outputs, residual, losses);
        }
        inner.loss(&rows(r), &labels(given), scores, outputs, residual, losses)?;
        let shape = [r.count, outputs];
        match (self.fault, loss) {
            // The second word of a row, where it has one, is taken for the first.
            (Fault::LabelInTheWrongWord, Loss::Sigmoid) if each > 32 => {
                let index = inner.download(r.index, r.first + r.count)?;
                let width = loss.words(each);
                let most = index[r.first..].iter().copied().max().map_or(0, |row| row as usize + 1);
                let mut words = inner.download(given.words, most * width)?;
                words.chunks_exact_mut(width).for_each(|row| row[1] = row[0]);
                let words = inner.upload(&words)?;
                let labels = Labels { words: &words, ..labels(given) };
                inner.loss(&rows(r), &labels, scores, outputs, residual, losses)?;
            }
            (Fault::MaskBitInTheFirstWord, Loss::Sigmoid) if models > 32 => {
                if let Some(mask) = given.mask {
                    let index = inner.download(r.index, r.first + r.count)?;
                    let width = models.div_ceil(32);
                    let most = index[r.first..].iter().copied().max().map_or(0, |row| row as usize + 1);
                    let mut words = inner.download(mask, most * width)?;
                    words.chunks_exact_mut(width).for_each(|row| row[1] = row[0]);
                    let words = inner.upload(&words)?;
                    let labels = Labels { mask: Some(&words), ..labels(given) };
                    inner.loss(&rows(r), &labels, scores, outputs, residual, losses)?;
                }
            }
            (Fault::MaskForgotten, Loss::Softmax) if models > 1 => {
                let labels = Labels { mask: None, ..labels(given) };
                inner.loss(&rows(r), &labels, scores, outputs, residual, losses)?;
            }
            (Fault::LossOfTheModelBefore, Loss::SquaredHinge) if models > 1 => {
                let all = inner.download(losses, r.count * models)?;
                inner.write(losses, 1, &all[..all.len() - 1])?;
            }
            // What ln(1 + eˣ) leaves of a power that 1 + eˣ forgets.
            (Fault::SmallLossesVanish, Loss::Sigmoid) => {
                let mut all = inner.download(losses, r.count)?;
                all.iter_mut().filter(|l| **l < 1e-7).for_each(|l| *l = 0.0);
                inner.write(losses, 0, &all)?;
            }
            (Fault::KinkTaken, Loss::Hinge) => {
                let (of_rows, scores) =
                    (self.labels_of(r, given)?, inner.download(scores, r.count * outputs)?);
                self.residuals(residual, shape, |i, k, value| match of_rows[i] {
                    y if y == NO_LABEL || y as usize == k => value,
                    y if scores[i * outputs + k] - scores[i * outputs + y as usize] == -1.0 => 1.0,
                    _ => value,
                })?;
            }
            (Fault::OwnResidualForgotten, Loss::Hinge) => {
                let of_rows = self.labels_of(r, given)?;
                self.residuals(
                    residual,
                    shape,
                    |i, k, value| {
                        if of_rows[i] as usize == k { 0.0 } else { value }
                    },
                )?;
            }
            (Fault::UnlabelledRowsHaveMargins, Loss::Hinge) => {
                let of_rows = self.labels_of(r, given)?;
                self.residuals(
                    residual,
                    shape,
                    |i, _, value| {
                        if of_rows[i] == NO_LABEL { 1.0 } else { value }
                    },
                )?;
            }
            (Fault::SquareNotDoubled, Loss::SquaredHinge) => {
                self.residuals(residual, shape, |_, _, value| value / 2.0)?;
            }
            _ => {}
        }
        if loss != Loss::Softmax {
            return Ok(());
        }
        match self.fault {
            Fault::ResidualSlightlyOff => self.spoil(residual, r.count * outputs - 1, |v| v + 1e-4),
            Fault::LossOfUnlabelledRows => {
                let mut all = self.inner.download(losses, r.count)?;
                all.iter_mut().filter(|l| **l == 0.0).for_each(|l| *l = 1e-3);
                self.inner.write(losses, 0, &all)
            }
            Fault::LossIsNaN => self.spoil(losses, r.count / 2, |_| f32::NAN),
            _ => Ok(()),
        }
    }

    fn splits(&self, rows: usize, columns: usize, outputs: usize) -> Splits {
        self.inner.splits(rows, columns, outputs)
    }

    fn gradient(
        &self,
        r: &Rows<'_, Self>,
        residual: &B::Array<f32>,
        outputs: usize,
        partials: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let splits = self.splits(r.count, r.columns, outputs);
        let len = splits.count * outputs * (r.columns + 1);
        match self.fault {
            Fault::GradientRefused => {
                let (device, reason) = (self.info().name.clone(), "on purpose".into());
                return Err(DeviceError::Refused { device, reason });
            }
            Fault::LastRowNotSummed if r.count > 0 => {
                // The residual of the last row as zeros.
                let mut without = self.inner.download(residual, (r.count - 1) * outputs)?;
                without.resize(r.count * outputs, 0.0);
                let without = self.inner.upload(&without)?;
                return self.inner.gradient(&rows(r), &without, outputs, partials);
            }
            _ => self.inner.gradient(&rows(r), residual, outputs, partials)?,
        }
        match self.fault {
            Fault::BiasGradientOff => self.spoil(partials, len - 1, |v| v * 1.001 + 1e-5),
            // An array of a training has nothing behind it.
            Fault::WritesPastTheEnd if r.columns == 65 => self.inner.write(partials, len, &[0.0]),
            _ => Ok(()),
        }
    }

    fn timed(&self, work: &mut dyn FnMut() -> Result<(), DeviceError>) -> Result<Timed, DeviceError> {
        self.inner.timed(work)
    }

    fn probe(&self, probe: Probe, sums: &mut B::Array<f32>) -> Result<(), DeviceError> {
        self.inner.probe(probe, sums)
    }

    fn fuses(&self, columns: usize, outputs: usize, models: Models) -> bool {
        self.inner.fuses(columns, outputs, models)
    }

    fn objective(
        &self,
        r: &Rows<'_, Self>,
        given: &Labels<'_, Self>,
        parameters: &B::Array<f32>,
        outputs: usize,
        partials: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let loss = given.loss;
        if self.fault == Fault::SigmoidObjectiveForgetsWeights && loss == Loss::Sigmoid {
            let weights = self.inner.upload(&vec![1f32; 2 * outputs])?;
            let labels = Labels { weights: &weights, ..labels(given) };
            return self.inner.objective(&rows(r), &labels, parameters, outputs, partials);
        }
        if self.fault == Fault::ObjectiveForgetsTheMask && given.models > 1 {
            let labels = Labels { mask: None, ..labels(given) };
            return self.inner.objective(&rows(r), &labels, parameters, outputs, partials);
        }
        self.inner.objective(&rows(r), &labels(given), parameters, outputs, partials)?;
        match self.fault {
            Fault::HingeLossSumOff if matches!(loss, Loss::Hinge | Loss::SquaredHinge) => {
                self.spoil(partials, outputs * (r.columns + 1), |v| v * 1.001)
            }
            Fault::ObjectiveSumsForTheModelBefore if given.models > 1 => {
                let at = outputs * (r.columns + 1);
                let sums = self.inner.download(partials, at + given.models)?;
                self.inner.write(partials, at, &[sums[at + 1], sums[at]])
            }
            Fault::OneWeightOfTheObjectiveOff => self.spoil(partials, 0, |v| v * 1.001 + 1e-4),
            Fault::LossSumOff => self.spoil(partials, outputs * (r.columns + 1), |v| v * 1.001),
            _ => Ok(()),
        }
    }

    fn sparse_below(&self, rows: usize, columns: usize, outputs: usize) -> Option<f64> {
        self.inner.sparse_below(rows, columns, outputs)
    }

    fn compress(
        &self,
        features: &B::Array<f32>,
        rows: usize,
        columns: usize,
        below: f64,
    ) -> Result<Option<Sparse<Self>>, DeviceError> {
        let mut all = self.inner.download(features, rows * columns)?;
        if self.fault == Fault::NegativeFeaturesTakenForZeros {
            all.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        let found = self.inner.compress(&self.inner.upload(&all)?, rows, columns, below)?;
        let with = |Sparse { offsets, columns, values, width }| Sparse { offsets, columns, values, width };
        Ok(found.map(with))
    }

    fn objective_sparse(
        &self,
        r: &SparseRows<'_, Self>,
        given: &Labels<'_, Self>,
        parameters: &B::Array<f32>,
        outputs: usize,
        partials: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let (r, labels) = (sparse_rows(r), labels(given));
        if self.fault == Fault::LastFeatureOfARowForgotten {
            let most = self.inner.download(r.index, r.first + r.count)?;
            let rows = most.iter().max().map_or(0, |&row| row as usize + 1);
            let offsets = self.inner.download(r.offsets, rows + 1)?;
            let there = offsets[rows] as usize;
            let mut values = self.inner.download(r.values, there)?;
            for ends in offsets.windows(2).filter(|ends| ends[0] < ends[1]) {
                values[ends[1] as usize - 1] = 0.0;
            }
            let values = self.inner.upload(&values)?;
            let r = SparseRows { values: &values, ..r };
            return self.inner.objective_sparse(&r, &labels, parameters, outputs, partials);
        }
        if self.fault == Fault::SparseForgetsTheMask && labels.models > 1 {
            let labels = Labels { mask: None, ..labels };
            return self.inner.objective_sparse(&r, &labels, parameters, outputs, partials);
        }
        self.inner.objective_sparse(&r, &labels, parameters, outputs, partials)?;
        match self.fault {
            Fault::SparseLossSumOff => self.spoil(partials, outputs * (r.width + 1), |v| v * 1.001),
            _ => Ok(()),
        }
    }

    fn reduce(
        &self,
        partials: &B::Array<f32>,
        rows: usize,
        columns: usize,
        sums: &mut B::Array<f32>,
        at: usize,
        accumulate: bool,
    ) -> Result<(), DeviceError> {
        let rows = if self.fault == Fault::LastPartialForgotten && rows > 1 { rows - 1 } else { rows };
        let accumulate = accumulate && self.fault != Fault::NeverAccumulates;
        self.inner.reduce(partials, rows, columns, sums, at, accumulate)
    }

    fn step(
        &self,
        parameters: &mut B::Array<f32>,
        velocity: &mut B::Array<f32>,
        gradient: &B::Array<f32>,
        weights: usize,
        len: usize,
        step: Step,
    ) -> Result<(), DeviceError> {
        let before = self.inner.download(parameters, len)?;
        let weights = if self.fault == Fault::PenaltyOnTheBias { len } else { weights };
        let momentum = if self.fault == Fault::NoMomentum { 0.0 } else { step.momentum };
        let nesterov = step.nesterov && self.fault != Fault::DoesNotLookAhead;
        let step = Step { momentum, nesterov, ..step };
        self.inner.step(parameters, velocity, gradient, weights, len, step)?;
        match self.fault {
            Fault::LastParameterNotMoved => self.spoil(parameters, len - 1, |_| before[len - 1]),
            Fault::ZerosAreNotExact => {
                self.parameters(parameters, len, |_, w| if w == 0.0 { 1e-9 } else { w })
            }
            Fault::BiasesShrink => {
                let threshold = step.learning_rate * step.l1;
                self.parameters(parameters, len, |j, w| if j < weights { w } else { shrunk(w, threshold) })
            }
            _ => Ok(()),
        }
    }

    fn adam(
        &self,
        parameters: &mut B::Array<f32>,
        [first, second]: [&mut B::Array<f32>; 2],
        gradient: &B::Array<f32>,
        weights: usize,
        len: usize,
        adam: Adam,
    ) -> Result<(), DeviceError> {
        let before = self.inner.download(second, len)?;
        let threshold = adam.learning_rate * adam.l1;
        let (weights, adam) = match self.fault {
            Fault::AdamPenalizesTheBias => (len, adam),
            Fault::MomentsNotCorrected => (weights, Adam { correction1: 1.0, correction2: 1.0, ..adam }),
            Fault::AdamThresholdOffTheMetric => (weights, Adam { l1: 0.0, ..adam }),
            _ => (weights, adam),
        };
        self.inner.adam(parameters, [first, &mut *second], gradient, weights, len, adam)?;
        match self.fault {
            Fault::SecondMomentStays => self.inner.write(second, 0, &before),
            Fault::AdamThresholdOffTheMetric => {
                self.parameters(parameters, len, |j, w| if j < weights { shrunk(w, threshold) } else { w })
            }
            _ => Ok(()),
        }
    }
}

/// `w` closer to zero by `threshold`.
fn shrunk(w: f32, threshold: f32) -> f32 {
    w.signum() * (w.abs() - threshold).max(0.0)
}

/// The colour that [`Fault::OneColourInTheNextBin`] counts wrong.
const WRONG: [u8; 3] = [200, 30, 90];
