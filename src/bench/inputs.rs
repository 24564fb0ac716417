//! What is measured on: pictures and numbers, the same in every run.

use std::path::PathBuf;

use image::codecs::jpeg::JpegEncoder;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::BenchError;
use super::stage::Shape;
use crate::backend::{Loss, Pictures, Targets};
use crate::dataset::{Dataset, Decoder, PictureError};

/// Where pictures come from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// Samples of a data set, from all over it.
    Files(&'a Dataset, Vec<usize>),
    /// Drawn pictures as JPEG, with their classes.
    Drawn(Vec<(Vec<u8>, u32)>),
}

/// Width and height of a drawn picture: those of most photographs of cats and dogs.
const SIDES: [usize; 2] = [500, 375];
/// Classes of drawn pictures.
const CLASSES: u32 = 4;

impl<'a> Source<'a> {
    /// At most `most` pictures of `dataset`, or drawn ones.
    pub(super) fn new(dataset: Option<&'a Dataset>, most: usize) -> Self {
        match dataset {
            Some(dataset) => {
                let count = dataset.samples.len();
                let n = count.min(most);
                Self::Files(dataset, (0..n).map(|i| i * count / n).collect())
            }
            None => Self::Drawn(
                (0..most)
                    .map(|i| {
                        let mut jpeg = Vec::new();
                        let encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
                        let [width, height] = SIDES;
                        let rgb = draw(i as u64);
                        let done = image::ImageEncoder::write_image(
                            encoder,
                            &rgb,
                            width as u32,
                            height as u32,
                            image::ExtendedColorType::Rgb8,
                        );
                        // Writing to memory cannot fail; a picture that is not there would be told of when it is read.
                        if done.is_err() {
                            jpeg.clear();
                        }
                        (jpeg, i as u32 % CLASSES)
                    })
                    .collect(),
            ),
        }
    }

    /// How many pictures there were to take from.
    pub(super) fn there(&self) -> usize {
        match self {
            Self::Files(dataset, _) => dataset.samples.len(),
            Self::Drawn(pictures) => pictures.len(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Files(_, picked) => picked.len(),
            Self::Drawn(pictures) => pictures.len(),
        }
    }

    /// What these pictures are, for people.
    pub(super) fn about(&self) -> String {
        match self {
            Self::Files(dataset, _) => format!("photographs of {}", dataset.root.display()),
            Self::Drawn(_) => "drawn pictures in place of photographs (gradients and grain, 500×375)".into(),
        }
    }

    /// K.
    pub(super) fn classes(&self) -> usize {
        match self {
            Self::Files(dataset, _) => dataset.classes.len(),
            Self::Drawn(_) => CLASSES as usize,
        }
    }

    /// One label a picture; which of several, or of none, is of no consequence to how long training takes.
    pub(super) fn label(&self, i: usize) -> u32 {
        match self {
            Self::Files(dataset, picked) => dataset.samples[picked[i]].labels.first().copied().unwrap_or(0),
            Self::Drawn(pictures) => pictures[i].1,
        }
    }

    /// Reads picture `i`.
    pub(super) fn read(
        &self,
        i: usize,
        decoder: &mut Decoder,
        to: &mut Pictures,
    ) -> Result<(), PictureError> {
        let picture = match self {
            Self::Files(dataset, picked) => dataset.read(picked[i], decoder)?,
            Self::Drawn(pictures) => decoder.read_bytes(&pictures[i].0)?,
        };
        to.push(picture.rgb);
        Ok(())
    }

    /// Flat, photographs and noise: up to `bytes` bytes of pixels of the first pictures that can be read, and as many of
    /// one colour and of random bytes, of the same sizes.
    pub(super) fn three_kinds(&self, most: usize, bytes: usize) -> Result<[Pictures; 3], BenchError> {
        let mut kinds = [Pictures::new(), Pictures::new(), Pictures::new()];
        let mut decoder = Decoder::default();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut refused = None;
        let n = self.len().min(most);
        // From all over, as a sorted folder begins with one class.
        for i in (0..n).map(|i| i * self.len() / n) {
            let mut one = Pictures::new();
            if let Err(reason) = self.read(i, &mut decoder, &mut one) {
                refused.get_or_insert(reason);
                continue;
            }
            let rgb = one.rgb(0);
            if !kinds[1].is_empty() && kinds[1].byte_len() + rgb.len() > bytes {
                break;
            }
            kinds[0].push(&[90, 140, 60].repeat(rgb.len() / 3));
            kinds[1].push(rgb);
            let mut noise = vec![0; rgb.len()];
            random.fill_bytes(&mut noise);
            kinds[2].push(&noise);
        }
        if kinds[1].is_empty() {
            let folder = match self {
                Self::Files(dataset, _) => dataset.root.clone(),
                Self::Drawn(_) => PathBuf::from("drawn pictures"),
            };
            let reason = refused.map_or_else(|| "there are none".into(), |e| e.to_string());
            return Err(BenchError::NoPictures { folder, tried: self.len().min(most), reason });
        }
        Ok(kinds)
    }
}

/// A picture with what histograms see of a photograph: colours that change slowly, a few edges, grain.
fn draw(seed: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(0x5eed ^ seed);
    let [width, height] = SIDES;
    let class = (seed % u64::from(CLASSES)) as f32;
    let mut pick = |low: f32, high: f32| random.random_range(low..high);
    // For each channel: a level, the slopes, and a wave.
    let channels: [[f32; 5]; 3] = std::array::from_fn(|c| {
        let lift = if c as f32 == class { 50.0 } else { 0.0 };
        [pick(50.0, 130.0) + lift, pick(-60.0, 60.0), pick(-60.0, 60.0), pick(0.0, 30.0), pick(2.0, 9.0)]
    });
    let edge = [pick(0.2, 0.8), pick(-0.5, 0.5), pick(20.0, 60.0)];
    let mut rgb = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let step = if v > edge[0] + edge[1] * (u - 0.5) { edge[2] } else { 0.0 };
            let grain = random.random_range(-9.0..9.0);
            for [level, across, down, wave, waves] in channels {
                let value = level + across * u + down * v + wave * (waves * (u + v * v)).sin() + step + grain;
                rgb.push(value.clamp(0.0, 255.0) as u8);
            }
        }
    }
    rgb
}

/// Share of the features that are not zero where they are sparse: that of histograms of 64×64 pixels.
pub(super) const SPARSE_SHARE: f64 = 0.05;

/// Numbers for the learning stages, on the host.
#[derive(Debug)]
pub struct Numbers {
    /// N×D, dense, of rows of norm about 1.
    pub(super) features: Vec<f32>,
    /// K·D + K, of scores of about 1.
    pub(super) parameters: Vec<f32>,
    /// N.
    pub(super) labels: Vec<u32>,
    /// A bit for each of a row's labels: its own and, with outputs enough, two more.
    pub(super) tags: Vec<u32>,
    /// Some of the features, a share of [`SPARSE_SHARE`]: where each row begins, columns, and values.
    pub(super) sparse: [Vec<u32>; 2],
    pub(super) values: Vec<f32>,
    /// Only the whole objective is asked for: where it is one pass, nothing lies between stages.
    pub(super) whole_only: bool,
}

impl Numbers {
    /// The same numbers for the same shape every time.
    #[must_use]
    pub fn new(shape: Shape, whole_only: bool) -> Self {
        let Shape { rows, columns, outputs } = shape;
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let mut uniform = |n: usize, low: f32, high: f32| -> Vec<f32> {
            (0..n).map(|_| random.random_range(low..high)).collect()
        };
        let size = (3.0 / columns as f32).sqrt();
        let features = uniform(rows * columns, 0.0, size);
        let parameters = uniform(shape.parameters(), -1.0, 1.0);
        let labels = (0..rows).map(|i| (i % outputs) as u32).collect();
        let tags = |i: usize| [0, 1, 5].map(|more| ((i + more) % outputs) as u32);
        let tags = Targets::new(Loss::Sigmoid, outputs, &(0..rows).map(tags).collect::<Vec<_>>());
        let (sparse, values) = thinned(&features, columns);
        Self { features, parameters, labels, tags: tags.words().to_vec(), sparse, values, whole_only }
    }

    /// Rows `picked` of the sparse features, of `columns` columns, with their zeros.
    pub(super) fn sparse_rows(&self, columns: usize, picked: &[usize]) -> Vec<f32> {
        let [offsets, of] = &self.sparse;
        let mut features = vec![0.0; picked.len() * columns];
        for (row, &i) in features.chunks_exact_mut(columns).zip(picked) {
            for j in offsets[i] as usize..offsets[i + 1] as usize {
                row[of[j] as usize] = self.values[j];
            }
        }
        features
    }

    /// Targets of the rows `picked`.
    pub(super) fn targets(&self, loss: Loss, outputs: usize, picked: &[usize]) -> Targets {
        let rows = picked.iter().map(|&i| match loss {
            Loss::Sigmoid => (0..outputs as u32).filter(|&k| self.has_tag(i, k, outputs)).collect(),
            _ => vec![self.labels[i]],
        });
        Targets::new(loss, outputs, &rows.collect::<Vec<_>>())
    }

    fn has_tag(&self, row: usize, k: u32, outputs: usize) -> bool {
        self.tags[row * Loss::Sigmoid.words(outputs) + k as usize / 32] >> (k % 32) & 1 == 1
    }
}

/// Some of `features`: where each row begins and columns, and values.
fn thinned(features: &[f32], columns: usize) -> ([Vec<u32>; 2], Vec<f32>) {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let (mut offsets, mut of, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in features.chunks_exact(columns) {
        for (d, &x) in row.iter().enumerate() {
            if x != 0.0 && random.random_bool(SPARSE_SHARE) {
                of.push(d as u32);
                values.push(x);
            }
        }
        offsets.push(values.len() as u32);
    }
    ([offsets, of], values)
}
