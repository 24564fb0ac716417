//! How much memory features and pictures may take.

use std::sync::LazyLock;

use super::{Bytes, PictureRules};

/// How much memory may be taken, by what grows with the data: pictures on their way, and features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Of the host; by default a share of what there is.
    pub host: Option<Bytes>,
    /// Of the device; by default whatever it has.
    pub device: Option<Bytes>,
    /// Which pictures are read at all.
    pub pictures: PictureRules,
}

impl Budget {
    /// Of the host, in bytes: what was given, else half of the memory that there is.
    #[must_use]
    pub fn host_bytes(&self) -> u64 {
        if let Some(Bytes(bytes)) = self.host {
            return bytes;
        }
        match Machine::look().whole / 2 {
            0 => 1 << 30,
            half => half,
        }
    }

    /// Of the host for what has to be unpacked at once: what was given, else the memory that nobody uses.
    pub(super) fn free_bytes(&self) -> u64 {
        match self.host {
            Some(Bytes(bytes)) => bytes,
            // Where the system does not say, an allocation that fails will.
            None => match Machine::look().free {
                0 => u64::MAX,
                free => free,
            },
        }
    }

    /// What pictures on their way may take of the host: what was given, else 1 GiB, or a quarter of the memory of the machine where
    /// that is less.
    #[must_use]
    pub fn for_pictures(&self) -> Bytes {
        const MODEST: u64 = 1 << 30;
        static THERE: LazyLock<u64> = LazyLock::new(|| match Machine::look().whole {
            0 => MODEST,
            all => MODEST.min(all / 4),
        });
        self.host.unwrap_or(Bytes(*THERE))
    }

    /// What is said of it where pictures are read.
    #[must_use]
    pub fn said(&self) -> String {
        let whose = if self.host.is_some() { "" } else { " (set with --memory)" };
        format!("memory: up to {} for pictures on their way{whose}", self.for_pictures())
    }
}

/// The memory that there is for this program, in bytes; 0 where the system does not say.
struct Machine {
    whole: u64,
    free: u64,
}

impl Machine {
    fn look() -> Self {
        let memory = sysinfo::MemoryRefreshKind::nothing().with_ram();
        let system = sysinfo::System::new_with_specifics(sysinfo::RefreshKind::nothing().with_memory(memory));
        let (whole, free) = (system.total_memory(), system.available_memory());
        // A container may have less than its machine.
        match system.cgroup_limits() {
            Some(limits) => {
                Self { whole: whole.min(limits.total_memory), free: free.min(limits.free_memory) }
            }
            None => Self { whole, free },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [
            ("1", 1),
            ("4096", 4096),
            ("256MiB", 256 << 20),
            ("256 mb", 256 << 20),
            ("1.5G", 3 << 29),
            ("2gib", 2 << 30),
            ("64k", 64 << 10),
            ("3TiB", 3 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for wrong in ["", "0", "-1", "M", "1X", "1.2.3", "nan", "1e400", "12 monkeys", "1i", "99999999T"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
        for (bytes, text) in
            [(100, "100 bytes"), (256 << 20, "256 MiB"), (48 << 30, "48 GiB"), (64 << 10, "64 KiB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
