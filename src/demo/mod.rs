//! The demo data set: pictures of fruit and vegetables, drawn from Twemoji's artwork, so that everything
//! can be tried without a download.
//!
//! The way of a picture: `kinds` parses the artwork once a kind, `scene` places it on a `background`
//! and throws its shadow, `light` exposes the whole as a camera would, `folder` keeps the files. `baskets` does
//! the same with several kinds in a picture, and `beside` shows one of those through two models.

mod background;
mod baskets;
#[cfg(test)]
mod baskets_tests;
mod beside;
mod canvas;
mod folder;
mod kinds;
mod light;
mod scene;
#[cfg(test)]
mod tests;

pub use baskets::{BasketOptions, BasketSummary, MAX_BASKETS, draw_baskets};
pub use beside::{Answer, basket_to_show, beside};

use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::files::FileError;
use crate::progress::Progress;
use kinds::{Artwork, KINDS};

/// Most pictures of one kind that a set may hold.
pub const MAX_PER_CLASS: usize = 100_000;

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawOptions {
    /// The same seed draws the same pictures, byte for byte.
    pub seed: u64,
    /// Pictures of each kind, 1 to [`MAX_PER_CLASS`].
    pub per_class: usize,
}

impl Default for DrawOptions {
    fn default() -> Self {
        Self { seed: 42, per_class: 100 }
    }
}

/// What [`draw`] left in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawSummary {
    /// The folder, with one folder of pictures a kind in it.
    pub dir: PathBuf,
    /// The kinds, which are the names of the class folders, sorted.
    pub classes: Vec<String>,
    /// Pictures drawn by this call.
    pub drawn: usize,
    /// Pictures of the same set that were there already and were kept.
    pub reused: usize,
}

/// Drawing the demo data set failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The folder holds something that is not a demo set: it is left alone.
    #[error("{} is not empty and holds no demo set (no demo.json of this program); \
             nothing in it was touched: name a new or an empty folder", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds a demo set, but another one.
    #[error("{} already holds another demo set ({found}, asked for {asked}); \
             name another folder, or delete this one first", dir.display())]
    OtherSet {
        /// The folder.
        dir: PathBuf,
        /// Which set is there.
        found: String,
        /// Which set was asked for.
        asked: String,
    },
    /// A number of pictures that cannot be drawn.
    #[error("cannot draw {asked} pictures of each kind: give 1 to {MAX_PER_CLASS}")]
    PerClass {
        /// The number that was asked for.
        asked: usize,
    },
    /// A number of baskets that cannot be drawn.
    #[error("cannot draw {asked} baskets: give 1 to {MAX_BASKETS}")]
    Baskets {
        /// The number that was asked for.
        asked: usize,
    },
    /// There is a manifest where that of the baskets belongs, with other contents: it is left alone.
    #[error("{} is there already and is not the list of these baskets; nothing was touched: \
             name another folder, or delete the file first", path.display())]
    OtherManifest {
        /// The file.
        path: PathBuf,
    },
    /// The artwork of a kind could not be drawn.
    #[error("cannot draw the artwork of `{kind}`: {problem}")]
    Artwork {
        /// The kind.
        kind: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A picture could not be encoded as JPEG.
    #[error("cannot encode {}: {source}", path.display())]
    Encode {
        /// The file it was meant for.
        path: PathBuf,
        /// What the encoder said.
        source: image::ImageError,
    },
    /// A file or folder of the set could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Draws the demo set into `dir`: `dir/<kind>/<kind>-001.jpg` and so on, for twelve kinds.
///
/// The bytes depend on `options` alone, not on the number of threads. A folder that holds the same set
/// already is kept, and only pictures missing from it are drawn; a folder that holds anything else is
/// refused and left as it is.
///
/// # Errors
/// A number of pictures that cannot be drawn, a folder that holds something else, a file that cannot be written.
///
/// # Examples
/// ```
/// use huemax::demo::{DrawOptions, draw};
/// use huemax::progress::Quiet;
///
/// # let parent = tempfile::tempdir()?;
/// # let dir = parent.path().join("fruit");
/// let set = draw(&dir, &DrawOptions { per_class: 2, ..Default::default() }, &Quiet)?;
/// assert_eq!(set.drawn, 2 * set.classes.len());
/// assert!(dir.join("banana/banana-002.jpg").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn draw(dir: &Path, options: &DrawOptions, progress: &dyn Progress) -> Result<DrawSummary, DemoError> {
    if options.per_class == 0 || options.per_class > MAX_PER_CLASS {
        return Err(DemoError::PerClass { asked: options.per_class });
    }
    let artwork = KINDS.iter().map(Artwork::parse).collect::<Result<Vec<_>, _>>()?;
    folder::claim(dir, &folder::Marker::of_classes(options))?;
    folder::make_classes(dir)?;

    let mut missing = Vec::new();
    for (class, kind) in KINDS.iter().enumerate() {
        for number in 1..=options.per_class {
            let path = folder::picture_path(dir, kind.name, number);
            if !folder::is_whole(&path) {
                missing.push((class, number, path));
            }
        }
    }
    let total = KINDS.len() * options.per_class;
    let reused = total - missing.len();
    tell_reused(dir, reused, total, progress);
    draw_missing(&missing, progress, |(class, number, path)| {
        let jpeg = picture_jpeg(&artwork[*class], options.seed, *class, *number, path)?;
        Ok(folder::write_picture(path, &jpeg)?)
    })?;
    Ok(DrawSummary {
        dir: dir.to_owned(),
        classes: KINDS.iter().map(|kind| kind.name.to_owned()).collect(),
        drawn: missing.len(),
        reused,
    })
}

/// Says how much of a set was there before.
fn tell_reused(dir: &Path, reused: usize, total: usize, progress: &dyn Progress) {
    if reused > 0 {
        let kept = format!("{}: {reused} of {total} pictures of this set are here already", dir.display());
        progress.say(&if reused == total { format!("{kept}; nothing to draw") } else { kept });
    }
}

/// Calls `draw` for each picture that is missing, on all cores.
fn draw_missing<T: Sync>(
    missing: &[T],
    progress: &dyn Progress,
    draw: impl Fn(&T) -> Result<(), DemoError> + Sync,
) -> Result<(), DemoError> {
    if missing.is_empty() {
        return Ok(());
    }
    progress.begin("drawing", missing.len() as u64, "pictures");
    let outcome = missing.par_iter().try_for_each(|picture| {
        draw(picture)?;
        progress.advance(1);
        Ok(())
    });
    progress.end();
    outcome
}

/// Picture `number` of `class`, encoded.
fn picture_jpeg(
    artwork: &Artwork,
    seed: u64,
    class: usize,
    number: usize,
    path: &Path,
) -> Result<Vec<u8>, DemoError> {
    let mut rng = picture_rng(seed, class as u32, number as u32);
    let count = scene::count(&mut rng);
    let picture = scene::draw(&vec![artwork; count], 1, &mut rng)?;
    encode(&picture).map_err(|source| DemoError::Encode { path: path.to_owned(), source })
}

fn encode(picture: &image::RgbImage) -> image::ImageResult<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(picture)?;
    Ok(jpeg)
}

/// Each picture has a generator of its own, so that it does not matter which thread draws it when.
fn picture_rng(seed: u64, class: u32, number: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(class) << 32 | u64::from(number));
    rng
}
