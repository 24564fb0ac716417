//! From files to a model, one part after the other, so that each has its own line; and once as `huemax train` does it,
//! where decoding and describing overlap.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::conditions::Fingerprint;
use super::inputs::Source;
use super::run::On;
use super::sample::median;
use crate::backend::{Backend, Bins, Choice, Device, DeviceError, Pictures};
use crate::dataset::Decoder;
use crate::error::Result;
use crate::features::{Matrix, Target, extract};
use crate::learn::{Labelled, Parts, SolverOptions, Start, Targets, Unwatched, fit};
use crate::progress::Quiet;

/// One part of the way.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Seconds, every sample.
    pub samples: Vec<f64>,
    /// What should be known of it, or nothing.
    pub note: String,
}

impl Part {
    /// Median seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        median(&self.samples)
    }
}

/// The part that a device pays once, and not again while its driver keeps what was compiled.
pub(super) const COMPILATION: &str = "shader compilation";

/// The whole way on one device.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EndToEnd {
    /// Where.
    pub on: On,
    /// Pictures that went it.
    pub pictures: usize,
    /// Their pixels.
    pub pixels: u64,
    /// Part by part.
    pub parts: Vec<Part>,
    /// Seconds of the whole as `huemax train` does it, shader compilation not counted; every sample.
    pub overlapped: Vec<f64>,
    /// Seconds until the device was open; 0 for the CPU.
    pub open: f64,
}

/// Bytes of decoded pixels that are kept.
const PIXELS: usize = 256 << 20;
/// Bytes of pixels that are uploaded at a time.
const UPLOAD: usize = 64 << 20;

/// Pictures on the host, decoded on all cores, with the time that took.
pub(super) struct Decoded {
    pub(super) pictures: Pictures,
    pub(super) labels: Vec<u32>,
    /// Which of the source's they are.
    kept: Vec<usize>,
    pub(super) seconds: f64,
}

/// Decodes the pictures of `source`, until all are or [`PIXELS`] bytes are reached. Those that cannot be read are left out.
pub(super) fn decode(source: &Source<'_>) -> Decoded {
    let mut decoded =
        Decoded { pictures: Pictures::new(), labels: Vec::new(), kept: Vec::new(), seconds: 0.0 };
    let block = 8 * rayon::current_num_threads();
    for first in (0..source.len()).step_by(block) {
        let start = Instant::now();
        let read: Vec<(usize, Pictures)> = (first..source.len().min(first + block))
            .into_par_iter()
            .map_init(Decoder::default, |decoder, i| {
                let mut one = Pictures::new();
                source.read(i, decoder, &mut one).ok().map(|()| (i, one))
            })
            .flatten()
            .collect();
        decoded.seconds += start.elapsed().as_secs_f64();
        for (i, one) in read {
            decoded.pictures.push(one.rgb(0));
            decoded.labels.push(source.label(i));
            decoded.kept.push(i);
        }
        if decoded.pictures.byte_len() >= PIXELS {
            break;
        }
    }
    decoded
}

/// Describes `pictures` and normalizes; device seconds where there is a clock, and wall seconds.
pub(super) fn describe<B: Backend>(
    backend: &B,
    pictures: &Pictures,
    bins: &Bins,
    features: &mut B::Array<f32>,
) -> Result<(Option<Duration>, Duration), DeviceError> {
    let mut counts = backend.zeros::<u32>(pictures.len() * bins.len())?;
    let timed = backend.timed(&mut || {
        backend.describe(pictures, bins, &mut counts)?;
        backend.normalize(&counts, pictures.len(), bins.len(), features)
    })?;
    Ok((timed.device, timed.wall))
}

/// Goes the whole way `rounds` times, with a `pulse` before each. `choice` names the device, so that a GPU can be opened afresh;
/// `found` becomes the pictures, if they are not known yet.
pub(super) fn end_to_end<B: Backend>(
    backend: &B,
    (on, choice): (On, Option<&Choice>),
    (source, found): (&Source<'_>, &mut Option<Fingerprint>),
    bins: &Bins,
    (rounds, pulse): (usize, &mut dyn FnMut() -> Result<(), DeviceError>),
) -> Result<EndToEnd> {
    let outputs = source.classes();
    let (mut decoding, mut uploading) = (Vec::new(), Vec::new());
    let (mut by_clock, mut by_wall) = (Vec::new(), Vec::new());
    let (mut training, mut reading, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut iterations = 0;
    let (mut pictures, mut pixels) = (0, 0);
    for _ in 0..rounds {
        pulse()?;
        let decoded = decode(source);
        found.get_or_insert_with(|| Fingerprint::of(&decoded.pictures));
        decoding.push(decoded.seconds);
        pictures = decoded.pictures.len();
        if pictures == 0 {
            source.three_kinds(1, 1)?; // says why none can be read
        }
        pixels = decoded.pictures.spans().iter().map(|s| s.pixels as u64).sum::<u64>();

        let mut upload = 0.0;
        if choice.is_some() {
            for bytes in decoded.pictures.bytes().chunks(UPLOAD.min(backend.info().max_array_bytes as usize))
            {
                let mut words = vec![0u32; bytes.len().div_ceil(4)];
                bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
                upload += backend.timed(&mut || backend.upload(&words).map(drop))?.wall.as_secs_f64();
            }
        }
        uploading.push(upload);
        let mut features = backend.zeros::<f32>(pictures * bins.len())?;
        let (device, wall) = describe(backend, &decoded.pictures, bins, &mut features)?;
        by_clock.extend(device.map(|d| d.as_secs_f64()));
        by_wall.push((wall.as_secs_f64() - upload).max(0.0));

        let mut matrix = Matrix::zeros(backend, pictures, bins.len())?;
        matrix.put(backend, 0, &features, pictures)?;
        let targets = Targets::classes(outputs, &decoded.labels);
        let plan = SolverOptions::default().plan(pictures, 1.0, &targets)?;

        let rows: Vec<usize> = (0..pictures).collect();
        let start = Instant::now();
        let data = Labelled::new(backend, &matrix, &targets)?;
        let fitted =
            fit(backend, &data, Parts { train: &rows, val: &[] }, &plan, &Start::Zero, (&Unwatched, &Quiet))?;
        iterations = fitted.iterations;
        training.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        backend.download(&fitted.parameters, data.parameters())?;
        matrix.download(backend)?;
        reading.push(start.elapsed().as_secs_f64());

        let start = Instant::now();
        let reader = || {
            let mut decoder = Decoder::default();
            let kept = &decoded.kept;
            move |i: usize, to: &mut Pictures| {
                source.read(kept[i], &mut decoder, to).map_err(|e| e.to_string())
            }
        };
        let extracted = extract(backend, pictures, bins, reader, Target::MATRIX, &Quiet)?;
        let data = Labelled::new(backend, &extracted.matrix, &targets)?;
        let fitted =
            fit(backend, &data, Parts { train: &rows, val: &[] }, &plan, &Start::Zero, (&Unwatched, &Quiet))?;
        backend.download(&fitted.parameters, data.parameters())?;
        whole.push(start.elapsed().as_secs_f64());
    }
    let (open, compilation) = match choice {
        Some(choice) => first_use(choice, bins, outputs)?,
        None => (0.0, 0.0),
    };
    let part = |name: &str, seconds: &[f64], note: String| Part {
        name: name.into(),
        samples: seconds.to_vec(),
        note,
    };
    let threads = rayon::current_num_threads();
    let mut parts = vec![part("decode", &decoding, format!("on {threads} threads"))];
    if choice.is_some() {
        parts.push(part("upload", &uploading, format!("{} MiB", (3 * pixels) >> 20)));
    }
    // One clock or the other, never both in one median.
    let clock = by_clock.len() == rounds;
    let describing = if clock { &by_clock } else { &by_wall };
    let exact = clock || choice.is_none();
    let note = if exact { "and normalize" } else { "and normalize; wall time less that of the upload" };
    parts.push(part("describe", describing, note.into()));
    let note = format!("{iterations} iterations over {pictures} rows, {outputs} classes");
    parts.push(part("train", &training, note));
    parts.push(part("readback", &reading, "the model, and all features".into()));
    if choice.is_some() {
        let note = "first use of all kernels; drivers may have kept them";
        parts.push(part(COMPILATION, &[compilation], note.into()));
    }
    Ok(EndToEnd { on, pictures, pixels, parts, overlapped: whole, open })
}

/// Opens the device afresh and uses every kernel of a training twice: seconds to open it, and by how much longer the first
/// use takes than the second. Some drivers compile where a pipeline is made, some where it first runs; this sees both.
fn first_use(choice: &Choice, bins: &Bins, outputs: usize) -> Result<(f64, f64)> {
    let start = Instant::now();
    let (device, _) = Device::open(choice)?;
    let open = start.elapsed().as_secs_f64();
    let Device::Gpu(gpu) = device else { return Ok((open, 0.0)) };
    let mut pictures = Pictures::new();
    (0..outputs.clamp(2, 64)).for_each(|i| pictures.push(&[i as u8; 192]));
    let rows: Vec<usize> = (0..pictures.len()).collect();
    let labels: Vec<u32> = rows.iter().map(|&i| i as u32 % outputs as u32).collect();
    let targets = Targets::classes(outputs, &labels);
    let options = SolverOptions { max_iter: Some(1), ..SolverOptions::default() };
    let plan = options.plan(pictures.len(), 1.0, &targets)?;
    let once = || -> Result<f64> {
        let start = Instant::now();
        let mut features = gpu.zeros::<f32>(pictures.len() * bins.len())?;
        describe(gpu.as_ref(), &pictures, bins, &mut features)?;
        let mut matrix = Matrix::zeros(gpu.as_ref(), pictures.len(), bins.len())?;
        matrix.put(gpu.as_ref(), 0, &features, pictures.len())?;
        let data = Labelled::new(gpu.as_ref(), &matrix, &targets)?;
        fit(
            gpu.as_ref(),
            &data,
            Parts { train: &rows, val: &[] },
            &plan,
            &Start::Zero,
            (&Unwatched, &Quiet),
        )?;
        Ok(start.elapsed().as_secs_f64())
    };
    let first = once()?;
    Ok((open, (first - once()?).max(0.0)))
}
