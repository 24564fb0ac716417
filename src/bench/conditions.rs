//! What a run was measured on and with: the machine, the pictures, and how steady the machine was meanwhile.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sysinfo::System;

use super::run::On;
use super::sample::{median, quantile};
use crate::backend::{Backend, Cpu, Pictures};

/// The machine around the device.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Host {
    /// As the processor calls itself.
    pub processor: String,
    /// Vector instructions in use.
    pub vectors: String,
    /// Threads that the CPU backend uses.
    pub threads: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// Operating system.
    pub system: String,
    /// Share of the processor, 0 to 1, that other programs had just before.
    pub others: f64,
}

/// The pictures that were measured with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Inputs {
    /// What they are, for people.
    pub about: String,
    /// How many there were to take from.
    pub there: usize,
    /// Those of the describe stages; `None` where there were none of these.
    pub described: Option<Fingerprint>,
    /// Those of the whole way.
    pub whole: Option<Fingerprint>,
}

/// Pictures by what is in them, so that a later run knows whether it has the same.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fingerprint {
    /// How many.
    pub pictures: usize,
    /// Their pixels.
    pub pixels: u64,
    /// SHA-256 of the decoded pixels, one picture after the other.
    pub sha256: String,
}

impl std::fmt::Display for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { about, there, described, whole } = self;
        let used = [(described, "described"), (whole, "on the whole way")];
        let used = used.into_iter().filter_map(|(some, how)| Some((some.as_ref()?.pictures, how)));
        let used: Vec<String> = used.map(|(n, how)| format!("{n} {how}")).collect();
        match used.is_empty() {
            true => write!(f, "{about}: none was needed"),
            false => write!(f, "{about}: of {there}, {}", used.join(" and ")),
        }
    }
}

impl Fingerprint {
    pub(super) fn of(pictures: &Pictures) -> Self {
        Self {
            pictures: pictures.len(),
            pixels: pictures.spans().iter().map(|s| s.pixels as u64).sum(),
            sha256: Sha256::digest(pictures.bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// The same work again and again between the stages: how steady a machine is.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pulse {
    /// Where: the device, and all threads of the CPU beside a GPU.
    pub on: On,
    /// `copy` or `multiply-add`: that of the [`Ceilings`](super::Ceilings).
    pub what: String,
    /// Seconds, in the order in which they were taken.
    pub seconds: Vec<f64>,
}

impl Pulse {
    /// By how much it is off its median, but for the tenth that took longest and the tenth that took least. 0.1 is a tenth.
    #[must_use]
    pub fn wander(&self) -> f64 {
        self.off(0.1)
    }

    /// By how much the one that is furthest off is off the median.
    #[must_use]
    pub fn furthest(&self) -> f64 {
        self.off(0.0)
    }

    /// How many times the median what lies `tail` from either end takes, or the median takes it; less 1.
    fn off(&self, tail: f64) -> f64 {
        let middle = median(&self.seconds);
        (quantile(&self.seconds, 1.0 - tail) / middle).max(middle / quantile(&self.seconds, tail)) - 1.0
    }
}

/// This machine, as it is now.
pub(super) fn host() -> Host {
    let system = System::new_with_specifics(
        sysinfo::RefreshKind::nothing()
            .with_cpu(sysinfo::CpuRefreshKind::nothing())
            .with_memory(sysinfo::MemoryRefreshKind::everything()),
    );
    let processor = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
    let cpu = Cpu::new();
    let others = others();
    Host {
        processor: if processor.is_empty() { std::env::consts::ARCH.into() } else { processor },
        vectors: cpu.info().driver.clone(),
        threads: cpu.info().threads,
        memory: system.total_memory(),
        system: System::long_os_version().unwrap_or_else(|| std::env::consts::OS.into()),
        others,
    }
}

/// Share of the processor that other programs take, over a moment in which this one does nothing.
fn others() -> f64 {
    let mut system = System::new();
    system.refresh_cpu_usage();
    std::thread::sleep(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL.max(Duration::from_millis(300)));
    system.refresh_cpu_usage();
    f64::from(system.global_cpu_usage()) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_wanders_is_told() {
        let pulse = |seconds: Vec<f64>| Pulse { on: On::Device, what: "copy".into(), seconds };
        assert_eq!(pulse(vec![2.0; 7]).wander(), 0.0);
        assert!((pulse(vec![1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0]).wander() - 1.0).abs() < 1e-9);
        // One of twenty is an accident.
        let mut once = vec![1.0; 20];
        once[7] = 9.0;
        assert!(pulse(once.clone()).wander() < 1e-9);
        assert!((pulse(once).furthest() - 8.0).abs() < 1e-9);
    }
}
