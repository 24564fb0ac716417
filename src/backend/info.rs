//! What a device is, and what can be wrong with one.

/// Whether arithmetic runs on a graphics processor, on a driver that imitates one, or on the processor itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// All cores of this machine's processor, without a graphics interface.
    Cpu,
    /// A graphics processor.
    Hardware,
    /// A graphics driver that computes on the processor (lavapipe, WARP): right, and slow.
    Software,
}

/// What a device is and what it can hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeviceInfo {
    /// For people, for example `NVIDIA H100`.
    pub name: String,
    /// `cpu`, `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// Driver and version; for the CPU, which vector instructions are used.
    pub driver: String,
    /// Hardware, software or CPU.
    pub kind: DeviceKind,
    /// The most bytes one array of a stage may have.
    pub max_array_bytes: u64,
    /// Threads on the CPU; 0 for a GPU.
    pub threads: usize,
}

impl DeviceInfo {
    /// What results depend on, bit for bit: the device and its driver, and not how many threads it has.
    #[must_use]
    pub fn id(&self) -> String {
        let Self { name, backend, driver, .. } = self;
        format!("{name}, {backend}, {driver}")
    }
}

impl std::fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, backend, driver, kind, threads, .. } = self;
        match kind {
            DeviceKind::Cpu => write!(f, "CPU {name}, {threads} threads, {driver}"),
            DeviceKind::Hardware => write!(f, "GPU {name}, {backend}, {driver}"),
            DeviceKind::Software => {
                write!(f, "software adapter {name}, {backend}, {driver} (right, but slow)")
            }
        }
    }
}

/// A device that is missing, too small, lost or out of memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// `--device` named something that is not there.
    #[error("no device matches \"{wanted}\"; there is: {}; `huemax devices` says more", there_is.join(", "))]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// What can be named instead.
        there_is: Vec<String>,
    },
    /// An adapter without what the kernels need.
    #[error("{device} has {limit} = {has}, and {needs} is needed; use --device cpu")]
    TooSmall {
        /// The adapter.
        device: String,
        /// The limit, by its WebGPU name.
        limit: &'static str,
        /// What the adapter has.
        has: u64,
        /// What is needed.
        needs: u64,
    },
    /// The driver refused to open the adapter.
    #[error("cannot open {device}: {reason}; update its driver, or use --device cpu")]
    Open {
        /// The adapter.
        device: String,
        /// What the driver said.
        reason: String,
    },
    /// One array would be larger than the device allows.
    #[error("{device} holds at most {limit} bytes in one array, and {what} needs {bytes}; {way_out}")]
    ArrayTooLarge {
        /// The device.
        device: String,
        /// What the array would hold.
        what: String,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
        /// What to change.
        way_out: &'static str,
    },
    /// The memory of the device is full.
    #[error(
        "{device} has no memory left ({reason}); give it fewer pictures or smaller bins, or use --device cpu"
    )]
    OutOfMemory {
        /// The device.
        device: String,
        /// What the driver said.
        reason: String,
    },
    /// What the device was to compute on could not be had.
    #[error("{reason}")]
    Fed {
        /// Why, in full: what it was, and the way out.
        reason: String,
    },
    /// The device is gone, or stopped answering.
    #[error("{device} was lost: {reason}; run again, or use --device cpu")]
    Lost {
        /// The device.
        device: String,
        /// What the driver said.
        reason: String,
    },
    /// The driver refused a command: a mistake of ours or of the driver's.
    #[error(
        "{device} refused a command: {reason}; please report this with the output of `huemax devices`, and use --device cpu"
    )]
    Refused {
        /// The device.
        device: String,
        /// What the driver said.
        reason: String,
    },
}
