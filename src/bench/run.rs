//! What a run measured: everything that is needed to compare with it later. This is the JSON of `huemax bench`.

use std::path::Path;

use super::break_even::BreakEven;
use super::conditions::{Host, Inputs, Pulse};
use super::end_to_end::EndToEnd;
use super::sample::{Ratio, Series, median, ratio};
use super::{BenchError, Shape};
use crate::backend::DeviceInfo;
use crate::error::Result;
use crate::files::{read_file, write_whole};

/// Version of the JSON.
pub const FORMAT: u32 = 2;
/// The most bytes of such a file: a run of all stages with the most samples has a hundredth of it.
const MAX_BYTES: u64 = 64 << 20;

/// Where a series was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// The device that was asked for; of the CPU, all threads.
    Device,
    /// All threads of the CPU, beside a GPU.
    Cpu,
    /// One thread of the CPU.
    OneThread,
}

/// A stage that was asked for and is not in the run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// See [`Stage::name`](super::Stage::name).
    pub stage: String,
    /// Its sizes.
    pub size: String,
    /// Why.
    pub reason: String,
}

/// What the device reaches at most, measured in the same run.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ceilings {
    /// Bytes read and written by a large copy, device to device.
    pub copy: Ceiling,
    /// Floating-point operations of multiply-adds in registers.
    pub multiply_add: Ceiling,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ceiling {
    /// Bytes or operations of one run.
    pub amount: u64,
    /// The samples.
    pub series: Series,
}

impl Ceiling {
    /// Bytes or operations a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.amount as f64 / median(self.series.seconds())
    }
}

/// One stage, wherever it was measured.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StageRun {
    /// See [`Stage::name`](super::Stage::name).
    pub stage: String,
    /// Its sizes.
    pub size: String,
    /// What should be known of it, or nothing.
    pub note: String,
    /// See [`Work`](super::Work).
    pub bytes: u64,
    /// See [`Work`](super::Work).
    pub operations: u64,
    /// See [`Work`](super::Work).
    pub items: u64,
    /// See [`Work`](super::Work).
    pub unit: String,
    /// On the device first, then on the CPU.
    pub series: Vec<Series>,
}

impl StageRun {
    /// The samples taken there.
    #[must_use]
    pub fn on(&self, on: On) -> Option<&Series> {
        self.series.iter().find(|s| s.on == on)
    }

    /// Median seconds on the device.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.on(On::Device).map_or(f64::NAN, |s| median(s.seconds()))
    }

    /// How many times as fast the device is as the CPU.
    #[must_use]
    pub fn against(&self, on: On) -> Option<Ratio> {
        Some(ratio(self.on(on)?.seconds(), self.on(On::Device)?.seconds()))
    }

    /// The share of what the device reaches, and at what: of the two ceilings the one under which this stage cannot be
    /// faster (Williams, Waterman and Patterson, *Roofline*, 2009).
    #[must_use]
    pub fn of_ceiling(&self, ceilings: &Ceilings) -> (f64, &'static str) {
        let copy = self.bytes as f64 / ceilings.copy.rate();
        let multiply_add = self.operations as f64 / ceilings.multiply_add.rate();
        let (least, which) =
            if copy >= multiply_add { (copy, "copy") } else { (multiply_add, "multiply-add") };
        (least / self.seconds(), which)
    }
}

/// A whole run of `huemax bench`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Run {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of huemax.
    pub huemax: String,
    /// Commit that it was built from; `+changes` where sources differ from it.
    pub commit: String,
    /// Whether the compiler optimised as for a release.
    pub optimised: bool,
    /// When.
    pub date: String,
    /// The device measured.
    pub device: DeviceInfo,
    /// The machine around it.
    pub host: Host,
    /// What the pictures were.
    pub pictures: Inputs,
    /// Sizes of the learning stages.
    pub shapes: Vec<Shape>,
    /// What the device reaches at most.
    pub ceilings: Ceilings,
    /// How steady the machine was meanwhile.
    pub pulses: Vec<Pulse>,
    /// The stages.
    pub stages: Vec<StageRun>,
    /// Stages that this device does not have.
    pub left_out: Vec<LeftOut>,
    /// From files to a model, on the device and on the CPU.
    pub end_to_end: Vec<EndToEnd>,
    /// From how many pictures or rows the GPU wins.
    pub break_even: Option<BreakEven>,
}

impl Run {
    /// Writes the run as JSON, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let fill = |writer: &mut std::io::BufWriter<&std::fs::File>| {
            serde_json::to_writer(&mut *writer, self)?;
            std::io::Write::write_all(writer, b"\n")
        };
        Ok(write_whole(path, fill)?)
    }

    /// Reads a run.
    ///
    /// # Errors
    /// The file cannot be read, is no run, or one of another format.
    pub fn load(path: &Path) -> Result<Self> {
        let text = read_file(path, MAX_BYTES).map_err(BenchError::Baseline)?;
        let not_a_run = |reason: String| BenchError::NotARun { path: path.to_owned(), reason };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|e| not_a_run(e.to_string()))?;
        let found = value.get("format").and_then(serde_json::Value::as_u64);
        let Some(found) = found.filter(|_| value.get("stages").is_some()) else {
            return Err(not_a_run("it has no format and stages".into()).into());
        };
        if found != u64::from(FORMAT) {
            return Err(BenchError::Format { path: path.to_owned(), found, reads: FORMAT }.into());
        }
        let run: Self = serde_json::from_value(value).map_err(|e| not_a_run(e.to_string()))?;
        match run.wrong() {
            Some(what) => Err(not_a_run(format!("the samples of {what} are not times")).into()),
            None => Ok(run),
        }
    }

    /// What has samples that are not times, if something has.
    fn wrong(&self) -> Option<&str> {
        let times =
            |seconds: &[f64]| !seconds.is_empty() && seconds.iter().all(|&s| s > 0.0 && s.is_finite());
        // What a part takes may round to nothing.
        let parts =
            |seconds: &[f64]| !seconds.is_empty() && seconds.iter().all(|&s| s >= 0.0 && s.is_finite());
        let series = |series: &Series| {
            let device = &series.device;
            times(&series.wall) && (device.is_empty() || times(device) && device.len() == series.wall.len())
        };
        let ceilings = [("copy", &self.ceilings.copy), ("multiply-add", &self.ceilings.multiply_add)];
        let ceilings = ceilings.into_iter().map(|(name, ceiling)| (name, series(&ceiling.series)));
        let pulses = self.pulses.iter().map(|pulse| ("pulses", times(&pulse.seconds)));
        let stages =
            self.stages.iter().flat_map(|stage| stage.series.iter().map(|x| (&*stage.stage, series(x))));
        let ways = self.end_to_end.iter().flat_map(|way| {
            let each = way.parts.iter().map(|part| (&*part.name, parts(&part.samples)));
            each.chain([("the whole way", times(&way.overlapped))])
        });
        let lines = self.break_even.iter().flat_map(BreakEven::lines).flat_map(|line| {
            line.gpu_samples.iter().chain(&line.cpu_samples).map(|x| (&*line.what, times(&x.seconds)))
        });
        let mut all = ceilings.chain(pulses).chain(stages).chain(ways).chain(lines);
        all.find(|(_, right)| !right).map(|(name, _)| name)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::end_to_end::Part;
    use super::*;
    use crate::backend::{Backend, Cpu};

    /// A run of one stage on the CPU, with some noise.
    pub(in crate::bench) fn example() -> Run {
        let series = |on, seconds: f64| Series {
            on,
            repeats: 2,
            wall: (0..15).map(|i| seconds * (1.0 + 0.01 * f64::from(i * 7 % 5))).collect(),
            device: Vec::new(),
        };
        let ceiling = |amount| Ceiling { amount, series: series(On::Device, 0.01) };
        let pulse = |what: &str| Pulse { on: On::Device, what: what.into(), seconds: vec![0.01; 20] };
        Run {
            format: FORMAT,
            huemax: "0.1.0".into(),
            commit: "abc".into(),
            optimised: true,
            date: "2026-01-01T00:00:00+00:00".into(),
            device: Cpu::new().info().clone(),
            host: Host {
                processor: "a processor".into(),
                vectors: "none".into(),
                threads: 2,
                memory: 1 << 30,
                system: "a system".into(),
                others: 0.01,
            },
            pictures: Inputs { about: "drawn".into(), there: 48, described: None, whole: None },
            shapes: vec![Shape { rows: 100, columns: 8, outputs: 3 }],
            ceilings: Ceilings { copy: ceiling(1 << 28), multiply_add: ceiling(1 << 30) },
            pulses: ["copy", "multiply-add"].map(pulse).into(),
            stages: vec![StageRun {
                stage: "scores".into(),
                size: "100×8×3".into(),
                note: String::new(),
                bytes: 1 << 20,
                operations: 1 << 29,
                items: 100,
                unit: "row".into(),
                series: vec![series(On::Device, 0.01), series(On::OneThread, 0.02)],
            }],
            left_out: Vec::new(),
            end_to_end: vec![EndToEnd {
                on: On::Device,
                pictures: 10,
                pixels: 1 << 20,
                parts: vec![Part { name: "decode".into(), samples: vec![0.2; 5], note: String::new() }],
                overlapped: vec![0.3; 5],
                open: 0.0,
            }],
            break_even: None,
        }
    }

    #[test]
    fn a_run_survives_its_file_and_other_formats_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let run = example();
        run.save(&path).unwrap();
        assert_eq!(Run::load(&path).unwrap(), run);

        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"format\":2", "\"format\":7", 1)).unwrap();
        let error = Run::load(&path).unwrap_err().to_string();
        assert!(error.contains("format 7") && error.contains("reads format 2"), "{error}");
        for wrong in
            ["", "{}", "[1]", "{\"format\":2}", "{\"format\":2,\"stages\":3}", &text[..text.len() / 2]]
        {
            std::fs::write(&path, wrong).unwrap();
            let error = Run::load(&path).unwrap_err().to_string();
            assert!(error.contains("is not a run of `huemax bench`"), "{wrong}: {error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(Run::load(&path).unwrap_err().to_string().contains("cannot read"));
    }

    #[test]
    fn samples_that_are_no_times_are_refused_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        type Damage = fn(&mut Run);
        let damages: [(Damage, &str); 6] = [
            (|run| run.ceilings.copy.series.wall.clear(), "copy"),
            (|run| run.ceilings.multiply_add.series.wall[0] = 0.0, "multiply-add"),
            (|run| run.pulses[0].seconds.clear(), "pulses"),
            (|run| run.stages[0].series[1].wall[3] = -1.0, "scores"),
            (|run| run.end_to_end[0].parts[0].samples.clear(), "decode"),
            (|run| run.end_to_end[0].overlapped.clear(), "the whole way"),
        ];
        for (damage, what) in damages {
            let mut run = example();
            damage(&mut run);
            run.save(&path).unwrap();
            let error = Run::load(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("the samples of {what} are not times")), "{error}");
        }
    }

    #[test]
    fn the_ceiling_is_the_one_that_binds() {
        let mut run = example();
        let stage = |run: &Run| run.stages[0].of_ceiling(&run.ceilings);
        let (share, which) = stage(&run);
        assert!(which == "multiply-add" && (share - 0.5).abs() < 0.02, "{share}");
        run.stages[0].bytes = 1 << 28;
        let (share, which) = stage(&run);
        assert!(which == "copy" && (share - 1.0).abs() < 0.02, "{share}");
        let against = run.stages[0].against(On::OneThread).unwrap();
        assert!((against.value - 2.0).abs() < 1e-9 && against.low > 1.9 && against.high < 2.1, "{against:?}");
    }
}
