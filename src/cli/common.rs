//! Arguments that several commands share.

use crate::backend::{Choice, Device};
use crate::cli::progress::Terminal;
use crate::error::Result;
use crate::features::{Budget, Bytes};
use crate::progress::Progress;

/// Where to compute and how to talk.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Common {
    /// Where to compute: auto, cpu, gpu, gpu:N, or part of a GPU's name (see `huemax devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(super) device: Choice,

    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Say nothing but the result and errors
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl Common {
    pub(super) fn progress(&self) -> Terminal {
        Terminal::new(self.quiet)
    }

    /// Opens the device, and says why it was taken where nobody asked for it.
    pub(super) fn open(&self, progress: &dyn Progress) -> Result<Device> {
        let (device, why) = Device::open(&self.device)?;
        if let Some(reason) = why.strip_prefix("auto: ") {
            progress.say(&format!("--device auto: {reason}"));
        }
        Ok(device)
    }
}

/// What these arguments stand under in the help.
const HEADING: &str = "Memory";

/// How much memory may be taken.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct BudgetArgs {
    /// Memory of this machine for pictures on their way and for features, such as 256MiB or 4G; features that take more are read
    /// from their file again and again [default: a share of what there is]
    #[arg(long, help_heading = HEADING, value_name = "SIZE")]
    memory: Option<Bytes>,

    /// Memory of the device for features, such as 2G; features that take more pass through it piece by piece [default: what it has]
    #[arg(long, help_heading = HEADING, value_name = "SIZE")]
    device_memory: Option<Bytes>,
}

impl BudgetArgs {
    pub(super) fn budget(&self) -> Budget {
        Budget { host: self.memory, device: self.device_memory }
    }
}
