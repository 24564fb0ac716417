//! What a verification found: a report a stage, and every case that failed.

use serde::Serialize;

use super::compare::{Agreement, Difference};
use super::{Stage, bounds};
use crate::backend::DeviceInfo;

/// A device against the reference.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The device.
    pub device: DeviceInfo,
    /// Every stage that had a case, in the order of the pipeline.
    pub stages: Vec<StageReport>,
    /// The error after which the device could compute no more, if there was one; later stages are missing then.
    pub stopped: Option<String>,
    /// Wall-clock time in seconds.
    pub seconds: f64,
}

impl Report {
    /// Whether every case passed.
    #[must_use]
    pub fn pass(&self) -> bool {
        self.stopped.is_none() && self.stages.iter().all(StageReport::pass)
    }
}

/// All cases of one stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageReport {
    /// The stage.
    pub stage: Stage,
    /// Cases that ran.
    pub cases: usize,
    /// Numbers that were compared.
    pub elements: usize,
    /// The largest difference from the reference, in the units of the stage; `None` (JSON `null`) where one was no number.
    pub largest_error: Option<f64>,
    /// The largest share of a tolerance that was used, 0 to 1; `None` (JSON `null`) where a comparison failed, which leaves no
    /// such share.
    pub used: Option<f64>,
    /// The case and the place where that was, of what passed.
    pub used_at: Option<String>,
    /// The tolerance and its derivation.
    pub tolerance: &'static str,
    /// Wall-clock time in seconds, that of the reference included.
    pub seconds: f64,
    /// Cases that did not run on this device, by the reason.
    pub skipped: Vec<Skipped>,
    /// Cases that failed.
    pub failures: Vec<Failure>,
}

impl StageReport {
    pub(super) fn new(stage: Stage) -> Self {
        Self {
            stage,
            cases: 0,
            elements: 0,
            largest_error: Some(0.0),
            used: Some(0.0),
            used_at: None,
            tolerance: bounds::derivation(stage),
            seconds: 0.0,
            skipped: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Whether every case passed; a stage without any has nothing that failed.
    #[must_use]
    pub fn pass(&self) -> bool {
        self.failures.is_empty()
    }

    pub(super) fn skip(&mut self, reason: String) {
        match self.skipped.iter_mut().find(|s| s.reason == reason) {
            Some(skipped) => skipped.cases += 1,
            None => self.skipped.push(Skipped { cases: 1, reason }),
        }
    }

    pub(super) fn agree(&mut self, found: Agreement, place: impl FnOnce(usize) -> String) {
        let Agreement { elements, error, used, at } = found;
        self.elements += elements;
        self.largest_error = self.largest_error.map(|e| e.max(error));
        if let Some(most) = self.used.as_mut().filter(|most| used > **most) {
            *most = used;
            self.used_at = Some(place(at));
        }
    }

    pub(super) fn differ(&mut self, found: &Difference) {
        if let Difference::Value { elements, error, .. } = *found {
            self.elements += elements;
            self.largest_error = self.largest_error.map(|e| e.max(error)).filter(|_| error.is_finite());
        }
    }
}

/// Cases that a device does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// How many.
    pub cases: usize,
    /// Why.
    pub reason: String,
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failure {
    /// The name of the case: what repeats it, with the same seed.
    pub case: String,
    /// The stage that is wrong. In a training run it is the one of the first output that differs.
    pub stage: Stage,
    /// What differs: the output, the first element that is wrong, both values and the tolerance.
    pub message: String,
    /// Where that element is and what it was computed from, in words; empty where there is no element.
    pub input: String,
    /// The same difference in numbers; `None` where it is not one of values: an error of the device, a write past the end.
    pub difference: Option<Difference>,
}
