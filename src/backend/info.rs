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

/// A limit of an adapter that is below what the kernels need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Lack {
    /// By its WebGPU name.
    pub limit: &'static str,
    /// What the adapter has.
    pub has: u64,
    /// What is needed.
    pub needs: u64,
}

/// `maxComputeWorkgroupStorageSize is 8192 and has to be 16384`
impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {} and has to be {}", self.limit, self.has, self.needs)
    }
}

/// `512 KiB`, `40 MiB`, `3.2 GiB`.
pub(super) fn size(bytes: u64) -> String {
    let scaled = |shift: u32| bytes as f64 / f64::from(1u32 << shift);
    match bytes {
        0..0x2800 => format!("{bytes} bytes"),
        0x2800..0xA0_0000 => format!("{:.0} KiB", scaled(10)),
        0xA0_0000..0x2_8000_0000 => format!("{:.0} MiB", scaled(20)),
        _ => format!("{:.1} GiB", scaled(30)),
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
    /// A GPU was asked for, and there is none.
    #[error(
        "--device {wanted}: no GPU was found; drivers for one come with the system (on Debian and Ubuntu the package \
         mesa-vulkan-drivers, or the vendor's), and inside a container the GPU has to be passed on; --device cpu needs none"
    )]
    NoGpu {
        /// What was asked for.
        wanted: String,
    },
    /// A part of a name that different GPUs have in theirs.
    #[error("--device \"{wanted}\" may mean {}; give more of the name, or its number", may_mean.join(" or "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// What it may mean: `gpu:0 (NVIDIA H100)`.
        may_mean: Vec<String>,
    },
    /// An adapter without what the kernels need.
    #[error("{device} cannot be used: {}; use --device cpu, which can do everything, or a GPU that `huemax devices` does not call too small", lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    TooSmall {
        /// The adapter.
        device: String,
        /// Each limit that is too small.
        lacks: Vec<Lack>,
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
    /// A row is longer than the loops of a driver go.
    #[error(
        "{device} ends loops early: a row of {found} {what} would come out wrong, up to {most} are right; use fewer, another GPU, \
         or --device cpu"
    )]
    TooLong {
        /// The device.
        device: String,
        /// What a row has so many of.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// The memory of the device is full.
    #[error("{device} has no memory left{asked} ({reason}); {way_out}")]
    OutOfMemory {
        /// The device.
        device: String,
        /// How much was asked for, for what, and what is taken: ` for 3 MiB more (scores), beside 40 MiB that are taken`.
        asked: String,
        /// What the driver said.
        reason: String,
        /// What to change.
        way_out: &'static str,
    },
    /// What the device was to compute on could not be had.
    #[error("{reason}")]
    Fed {
        /// Why, in full: what it was, and the way out.
        reason: String,
    },
    /// The device is gone, or stopped answering.
    #[error("{device} was lost: {reason}; run again, on another GPU or with --device cpu")]
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
