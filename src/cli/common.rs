//! Arguments that several commands share.

use crate::backend::{Choice, Device};
use crate::cli::progress::Terminal;
use crate::error::Result;
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
