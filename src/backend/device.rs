//! Which device to compute on: what was asked for, what there is, and why one was taken.

use std::str::FromStr;

use super::gpu::{self, Adapter};
use super::{Cpu, DeviceError, DeviceInfo, DeviceKind, Gpu, Lack};

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

/// What [`Listing::find`] found.
#[derive(Debug)]
pub struct Found<'a> {
    /// The adapter; none for the CPU.
    pub adapter: Option<&'a Adapter>,
    /// Its place among the adapters.
    pub number: Option<usize>,
    /// What there is to say of the choice, where it is not just what was asked for: why `auto` took it, what was passed over, what it
    /// may have meant too.
    pub notes: Vec<String>,
}

/// What a choice goes by, of an adapter.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    info: &'a DeviceInfo,
    /// The first limit that is below what the kernels need.
    lacks: Option<Lack>,
}

impl Candidate<'_> {
    /// `gpu:0 (NVIDIA H100, vulkan)`
    fn called(&self, number: usize) -> String {
        format!("gpu:{number} ({}, {})", self.info.name, self.info.backend)
    }

    fn is_hardware(&self) -> bool {
        self.info.kind == DeviceKind::Hardware
    }

    fn passed_over(&self, number: usize) -> Option<String> {
        Some(format!("{} is passed over: {}", self.called(number), self.lacks?))
    }
}

impl Listing {
    /// What `choice` means.
    ///
    /// # Errors
    /// [`DeviceError::NotFound`] or [`DeviceError::NoGpu`] when something was named that is not there, [`DeviceError::Ambiguous`]
    /// when it may be one of several.
    pub fn find(&self, choice: &Choice) -> Result<Found<'_>, DeviceError> {
        let candidate = |a: &'_ Adapter| a.lacks().first().copied();
        let lacks: Vec<Option<Lack>> = self.adapters.iter().map(candidate).collect();
        let candidates = self.adapters.iter().zip(lacks);
        let candidates: Vec<_> =
            candidates.map(|(adapter, lacks)| Candidate { info: adapter.info(), lacks }).collect();
        let (number, notes) = find(&candidates, choice)?;
        Ok(Found { adapter: number.map(|n| &self.adapters[n]), number, notes })
    }
}

/// The number of the candidate that `choice` means (`None`: the CPU), and what there is to say of that.
fn find(all: &[Candidate<'_>], choice: &Choice) -> Result<(Option<usize>, Vec<String>), DeviceError> {
    let passed_over = |until: usize| all[..until].iter().enumerate().filter_map(|(n, c)| c.passed_over(n));
    let (number, mut notes) = match choice {
        Choice::Cpu => return Ok((None, Vec::new())),
        Choice::Auto => return Ok(auto(all)),
        _ if all.is_empty() => return Err(DeviceError::NoGpu { wanted: choice.to_string() }),
        // If none is enough, the first says what it lacks when it is opened.
        Choice::Gpu => {
            let first = all.iter().position(|c| c.lacks.is_none());
            (first.unwrap_or(0), passed_over(first.unwrap_or(0)).collect())
        }
        Choice::Number(n) if *n < all.len() => (*n, Vec::new()),
        Choice::Number(_) => return Err(not_found(all, choice)),
        Choice::Name(name) => named(all, name).ok_or_else(|| not_found(all, choice))??,
    };
    let chosen = &all[number];
    if chosen.lacks.is_none() && chosen.info.kind == DeviceKind::Software {
        notes.push(format!(
            "{} is a software driver: it computes on the processor, as --device cpu does, and is several times slower than that",
            chosen.called(number)
        ));
    }
    Ok((Some(number), notes))
}

/// A hardware GPU that has what the kernels need, else the CPU; and why.
fn auto(all: &[Candidate<'_>]) -> (Option<usize>, Vec<String>) {
    let hardware = || all.iter().enumerate().filter(|(_, c)| c.is_hardware());
    let mut notes: Vec<String> = Vec::new();
    for (number, candidate) in hardware() {
        match candidate.passed_over(number) {
            Some(why) => notes.push(why),
            None => {
                notes.insert(0, format!("{}, the first hardware GPU", candidate.called(number)));
                return (Some(number), notes);
            }
        }
    }
    let why = match all {
        [] => "no GPU was found".into(),
        _ if hardware().next().is_some() => "no GPU has what the kernels need".into(),
        [software, ..] => {
            format!("there is only a software driver ({}), slower than the CPU itself", software.info.name)
        }
    };
    notes.insert(0, format!("the CPU: {why}"));
    (None, notes)
}

/// A candidate that was named, and what there is to say of that.
type Named = Result<(usize, Vec<String>), DeviceError>;

/// The candidate with `name` in its name; nothing where there is none.
fn named(all: &[Candidate<'_>], name: &str) -> Option<Named> {
    let wanted = name.to_lowercase();
    let called = |c: &Candidate<'_>| c.info.name.to_lowercase();
    let matching: Vec<usize> = (0..all.len()).filter(|&n| called(&all[n]).contains(&wanted)).collect();
    // A name that is given in full means that, also where others have more behind it.
    let exact: Vec<usize> = matching.iter().copied().filter(|&n| called(&all[n]) == wanted).collect();
    let matching = if exact.is_empty() { matching } else { exact };
    let &first = matching.first()?;
    let names: Vec<String> = matching.iter().map(|&n| all[n].called(n)).collect();
    if matching.iter().any(|&n| called(&all[n]) != called(&all[first])) {
        return Some(Err(DeviceError::Ambiguous { wanted: name.into(), may_mean: names }));
    }
    // Two of a kind, or one with two drivers.
    let enough = matching.iter().position(|&n| all[n].lacks.is_none()).unwrap_or(0);
    let mut notes = Vec::new();
    if names.len() > 1 {
        let others: Vec<&str> =
            names.iter().enumerate().filter(|(i, _)| *i != enough).map(|(_, name)| name.as_str()).collect();
        notes.push(format!("{} is taken; of the same name is {}", names[enough], others.join(" and ")));
    }
    Some(Ok((matching[enough], notes)))
}

fn not_found(all: &[Candidate<'_>], choice: &Choice) -> DeviceError {
    let gpus = all.iter().enumerate().map(|(n, c)| c.called(n));
    let there_is = std::iter::once("cpu".to_owned()).chain(gpus).collect();
    DeviceError::NotFound { wanted: choice.to_string(), there_is }
}

impl Device {
    /// The CPU, which is always there.
    #[must_use]
    pub fn cpu() -> Self {
        Self::Cpu(Cpu::new())
    }

    /// Opens what `choice` asks for, and says what there is to say of that: see [`Found::notes`].
    ///
    /// # Errors
    /// [`DeviceError`] when it is not there, too small, or cannot be opened.
    pub fn open(choice: &Choice) -> Result<(Self, Vec<String>), DeviceError> {
        if *choice == Choice::Cpu {
            return Ok((Self::cpu(), Vec::new()));
        }
        let listing = list();
        let Found { adapter, notes, .. } = listing.find(choice)?;
        Ok(match adapter {
            Some(adapter) => (Self::Gpu(Box::new(adapter.open()?)), notes),
            None => (Self::cpu(), notes),
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
#[path = "device_tests.rs"]
mod tests;
