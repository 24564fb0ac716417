//! Which device to compute on: what was asked for, what there is, and why one was taken.

use std::str::FromStr;

use super::gpu::{self, Adapter};
use super::{Cpu, DeviceError, DeviceInfo, DeviceKind, Gpu};

/// What `--device` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// A hardware GPU where there is one, else the CPU; never a software driver.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first GPU of the list, even a software driver.
    Gpu,
    /// The GPU with this number in the list.
    Number(usize),
    /// The GPU whose name contains this, in any case.
    Name(String),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Names of devices keep their letters; the words of this list may be written in any case.
        let text = text.trim();
        let lower = text.to_lowercase();
        Ok(match lower.as_str() {
            "" => return Err("auto, cpu, gpu, gpu:N or part of a GPU's name".into()),
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "gpu" => Self::Gpu,
            other => {
                match other.strip_prefix("gpu:") {
                    Some(number) => Self::Number(number.parse().map_err(|_| {
                        format!("gpu:N takes a number from `huemax devices`, not {number:?}")
                    })?),
                    None => Self::Name(text.into()),
                }
            }
        })
    }
}

/// As it is typed.
impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu => f.write_str("gpu"),
            Self::Number(n) => write!(f, "gpu:{n}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A device that stages can run on.
#[derive(Debug)]
pub enum Device {
    /// The processor.
    Cpu(Cpu),
    /// A graphics adapter.
    Gpu(Box<Gpu>),
}

/// What there is on this machine.
#[derive(Debug)]
pub struct Listing {
    /// The processor.
    pub cpu: DeviceInfo,
    /// Graphics adapters; their place is the N of `gpu:N`.
    pub adapters: Vec<Adapter>,
}

/// Looks for devices.
#[must_use]
pub fn list() -> Listing {
    Listing { cpu: super::Backend::info(&Cpu::new()).clone(), adapters: gpu::adapters() }
}

impl Listing {
    /// The adapter that `choice` means (`None`: the CPU), and why.
    ///
    /// # Errors
    /// [`DeviceError::NotFound`] when something was named that is not there.
    pub fn find(&self, choice: &Choice) -> Result<(Option<&Adapter>, String), DeviceError> {
        let adapter = match choice {
            Choice::Cpu => return Ok((None, "asked for".into())),
            Choice::Auto => return Ok(self.auto()),
            Choice::Gpu => self.adapters.first(),
            Choice::Number(n) => self.adapters.get(*n),
            Choice::Name(name) => {
                let wanted = name.to_lowercase();
                self.adapters.iter().find(|a| a.info().name.to_lowercase().contains(&wanted))
            }
        };
        let wanted = match choice {
            Choice::Number(n) => format!("gpu:{n}"),
            Choice::Name(name) => name.clone(),
            _ => "gpu".into(),
        };
        match adapter {
            Some(adapter) => Ok((Some(adapter), "asked for".into())),
            None => Err(DeviceError::NotFound { wanted, there_is: self.names() }),
        }
    }

    fn auto(&self) -> (Option<&Adapter>, String) {
        let hardware = |a: &&Adapter| a.info().kind == DeviceKind::Hardware;
        if let Some(adapter) = self.adapters.iter().filter(hardware).find(|a| a.is_enough()) {
            return (Some(adapter), "auto: the first hardware GPU".into());
        }
        let reason = match self.adapters.first() {
            None => "no GPU was found".into(),
            Some(a) if a.info().kind == DeviceKind::Hardware => {
                format!("{} lacks what the kernels need (see `huemax devices`)", a.info().name)
            }
            Some(a) => {
                format!("there is only a software driver ({}), slower than the CPU itself", a.info().name)
            }
        };
        (None, format!("auto: {reason}"))
    }

    fn names(&self) -> Vec<String> {
        let gpus = self.adapters.iter().enumerate().map(|(n, a)| format!("gpu:{n} ({})", a.info().name));
        std::iter::once("cpu".to_owned()).chain(gpus).collect()
    }
}

impl Device {
    /// The CPU, which is always there.
    #[must_use]
    pub fn cpu() -> Self {
        Self::Cpu(Cpu::new())
    }

    /// Opens what `choice` asks for, and says why it is what it is.
    ///
    /// # Errors
    /// [`DeviceError`] when it is not there, too small, or cannot be opened.
    pub fn open(choice: &Choice) -> Result<(Self, String), DeviceError> {
        if *choice == Choice::Cpu {
            return Ok((Self::cpu(), "asked for".into()));
        }
        let listing = list();
        let (adapter, why) = listing.find(choice)?;
        Ok(match adapter {
            Some(adapter) => (Self::Gpu(Box::new(adapter.open()?)), why),
            None => (Self::cpu(), why),
        })
    }

    /// What it is and what it can hold.
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        match self {
            Self::Cpu(cpu) => super::Backend::info(cpu),
            Self::Gpu(gpu) => super::Backend::info(gpu.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read() {
        assert_eq!("auto".parse(), Ok(Choice::Auto));
        assert_eq!("CPU".parse(), Ok(Choice::Cpu));
        assert_eq!("gpu:2".parse(), Ok(Choice::Number(2)));
        assert_eq!("llvmpipe".parse(), Ok(Choice::Name("llvmpipe".into())));
        for text in ["auto", "cpu", "gpu", "gpu:2", "llvmpipe"] {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
        }
        assert!("gpu:x".parse::<Choice>().is_err());
        assert!("".parse::<Choice>().is_err());
    }

    #[test]
    fn without_adapters_auto_is_the_cpu_and_gpu_an_error_that_lists_what_there_is() {
        let listing = Listing { cpu: super::super::Backend::info(&Cpu::new()).clone(), adapters: Vec::new() };
        assert!(listing.find(&Choice::Auto).unwrap().0.is_none());
        let error = listing.find(&Choice::Number(3)).unwrap_err().to_string();
        assert!(error.contains("gpu:3") && error.contains("there is: cpu"), "{error}");
    }
}
