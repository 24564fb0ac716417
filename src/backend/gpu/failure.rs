//! Where a device leaves word of what went wrong: wgpu reports errors to a callback, not to the call that caused them.

use std::sync::Mutex;

use crate::backend::DeviceError;
use crate::sync::lock;

/// The first thing that went wrong on a device. Later ones follow from it and say less.
#[derive(Debug, Default)]
pub(super) struct Failure(Mutex<Option<(Kind, String)>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Memory,
    Lost,
    Refused,
}

impl Failure {
    pub(super) fn error(&self, error: &wgpu::Error) {
        let kind = match error {
            wgpu::Error::OutOfMemory { .. } => Kind::Memory,
            wgpu::Error::Validation { .. } | wgpu::Error::Internal { .. } => Kind::Refused,
        };
        self.keep(kind, error.to_string());
    }

    pub(super) fn lost(&self, reason: wgpu::DeviceLostReason, message: &str) {
        self.keep(Kind::Lost, format!("{reason:?}: {message}"));
    }

    fn keep(&self, kind: Kind, reason: String) {
        lock(&self.0).get_or_insert((kind, reason));
    }

    /// The failure as an error about `device`, if there is one.
    pub(super) fn check(&self, device: &str) -> Result<(), DeviceError> {
        let guard = lock(&self.0);
        let Some((kind, reason)) = guard.as_ref() else { return Ok(()) };
        let (device, reason) = (device.to_owned(), reason.clone());
        Err(match kind {
            Kind::Memory => DeviceError::OutOfMemory { device, reason },
            Kind::Lost => DeviceError::Lost { device, reason },
            Kind::Refused => DeviceError::Refused { device, reason },
        })
    }
}
