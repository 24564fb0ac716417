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
        // Where memory is short in the middle of a command, wgpu gives the device up.
        let kind = if message.to_lowercase().contains("out of memory") { Kind::Memory } else { Kind::Lost };
        let reason = match (reason, message) {
            (wgpu::DeviceLostReason::Destroyed, _) => "it was given up",
            (_, "") => "the driver does not say why",
            (_, message) => message,
        };
        self.keep(kind, reason.into());
    }

    /// It stopped answering.
    pub(super) fn gave_up(&self, reason: &str) {
        self.keep(Kind::Lost, reason.into());
    }

    fn keep(&self, kind: Kind, reason: String) {
        let mut kept = lock(&self.0);
        // What a device refuses when it is lost may be told before that it is.
        let follows = matches!(*kept, Some((Kind::Refused, _))) && kind != Kind::Refused;
        if kept.is_none() || follows {
            *kept = Some((kind, reason));
        }
    }

    /// The failure as an error about `device`, if there is one.
    pub(super) fn check(&self, device: &str) -> Result<(), DeviceError> {
        let guard = lock(&self.0);
        let Some((kind, reason)) = guard.as_ref() else { return Ok(()) };
        let (device, reason) = (device.to_owned(), reason.clone());
        Err(match kind {
            Kind::Memory => DeviceError::OutOfMemory {
                device,
                asked: " for what it was given".into(),
                reason,
                way_out: super::array::GPU_WAYS_OUT,
            },
            Kind::Lost => DeviceError::Lost { device, reason },
            Kind::Refused => DeviceError::Refused { device, reason },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_explains_what_was_refused_and_nothing_explains_a_loss() {
        let failure = Failure::default();
        assert!(failure.check("it").is_ok());
        failure.keep(Kind::Refused, "a buffer is invalid".into());
        assert!(matches!(failure.check("it"), Err(DeviceError::Refused { .. })));
        failure.lost(wgpu::DeviceLostReason::Unknown, "");
        failure.keep(Kind::Refused, "another buffer is invalid".into());
        let error = failure.check("it").unwrap_err().to_string();
        assert!(error.starts_with("it was lost: the driver does not say why; run again"), "{error}");
    }

    #[test]
    fn a_device_given_up_for_want_of_memory_says_that() {
        let failure = Failure::default();
        failure.lost(wgpu::DeviceLostReason::Unknown, "Out of memory");
        failure.gave_up("no answer");
        let error = failure.check("it").unwrap_err();
        assert!(matches!(error, DeviceError::OutOfMemory { .. }));
        let error = error.to_string();
        assert!(
            error.starts_with("it has no memory left for what it was given (Out of memory); let"),
            "{error}"
        );
    }
}
