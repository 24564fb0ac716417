//! How much memory features and pictures may take.

use std::str::FromStr;
use std::sync::LazyLock;

use super::PictureRules;

/// A number of bytes, as it is typed: `256MiB`, `1.5G`, `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    /// Units are powers of 1024, with or without `i` and `B`, in any case.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a size such as 256MiB, 4G or 1.5GiB".to_owned();
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = unit.trim().to_lowercase();
        let unit = unit.strip_suffix('b').unwrap_or(&unit);
        let shift = match unit.strip_suffix('i').unwrap_or(unit) {
            "" if !unit.ends_with('i') => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err(wrong()),
        };
        let bytes = number * (1u64 << shift) as f64;
        if !(1.0..9e18).contains(&bytes) {
            return Err(wrong());
        }
        Ok(Self(bytes as u64))
    }
}

/// `256 MiB`
impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(bytes) = *self;
        let (unit, name) = match bytes {
            0..0x2800 => return write!(f, "{bytes} bytes"),
            0x2800..0xA0_0000 => (1u64 << 10, "KiB"),
            0xA0_0000..0x2_8000_0000 => (1 << 20, "MiB"),
            _ => (1 << 30, "GiB"),
        };
        write!(f, "{:.0} {name}", bytes as f64 / unit as f64)
    }
}

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
