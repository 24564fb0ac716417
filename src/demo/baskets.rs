//! Pictures with several kinds of fruit in each, and the manifest that says which.

use std::io::Write;
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::seq::{SliceRandom, index};
use rand_chacha::ChaCha8Rng;

use super::kinds::{Artwork, BASKET, KINDS};
use super::{DemoError, encode, folder, picture_rng, scene};
use crate::files::{read_file, write_whole};
use crate::progress::Progress;

/// Most baskets that a set may hold.
pub const MAX_BASKETS: usize = 1_000_000;

/// Bytes of a manifest, which has some fifty for a picture, at most.
const MAX_MANIFEST: u64 = 128 * MAX_BASKETS as u64;

/// Most kinds of fruit in one basket.
const MOST: usize = 5;

/// Layouts to choose from: a kind that is hidden would make the manifest lie.
const LAYOUTS: usize = 12;

/// The generators of baskets lie beyond those of the classes, so that no basket repeats the numbers of a picture of one
/// kind.
const STREAM: u32 = u32::MAX;

/// Which baskets to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasketOptions {
    /// The same seed draws the same pictures, byte for byte.
    pub seed: u64,
    /// How many, 1 to [`MAX_BASKETS`].
    pub pictures: usize,
}

impl Default for BasketOptions {
    fn default() -> Self {
        Self { seed: 42, pictures: 800 }
    }
}

/// What [`draw_baskets`] left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasketSummary {
    /// The flat folder of pictures.
    pub pictures: PathBuf,
    /// The CSV with the columns `image_name` (the name of a picture without its extension) and `tags` (the kinds in it,
    /// sorted, with spaces between them).
    pub manifest: PathBuf,
    /// The kinds, which are the tags, sorted.
    pub kinds: Vec<String>,
    /// Pictures drawn by this call.
    pub drawn: usize,
    /// Pictures of the same set that were there already and were kept.
    pub reused: usize,
}

/// Draws pictures with one to five kinds of fruit into `dir/baskets` and writes which kinds are in which into
/// `dir/baskets.csv`, in the form of Kaggle's satellite pictures of the Amazon (`image_name,tags`).
///
/// As with [`draw`](super::draw) the bytes depend on `options` alone, what is there of the same set is kept, and a folder
/// or a manifest of something else is refused and left as it is.
///
/// # Errors
/// A number of pictures that cannot be drawn, a folder or a manifest of something else, a file that cannot be written.
///
/// # Examples
/// ```
/// use huemax::demo::{BasketOptions, draw_baskets};
/// use huemax::progress::Quiet;
///
/// # let parent = tempfile::tempdir()?;
/// # let dir = parent.path();
/// let set = draw_baskets(dir, &BasketOptions { pictures: 3, ..Default::default() }, &Quiet)?;
/// assert!(dir.join("baskets/basket-0003.jpg").exists());
/// assert!(std::fs::read_to_string(dir.join("baskets.csv"))?.starts_with("image_name,tags\nbasket-0001,"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn draw_baskets(
    dir: &Path,
    options: &BasketOptions,
    progress: &dyn Progress,
) -> Result<BasketSummary, DemoError> {
    let BasketOptions { seed, pictures: total } = *options;
    if total == 0 || total > MAX_BASKETS {
        return Err(DemoError::Baskets { asked: total });
    }
    let artwork = BASKET.iter().map(|&kind| Artwork::parse(&KINDS[kind])).collect::<Result<Vec<_>, _>>()?;
    let pictures = dir.join("baskets");
    let manifest = dir.join("baskets.csv");
    let text = manifest_text(options);
    // Before anything is made: a manifest of somebody else stays the only file there.
    let present = match read_file(&manifest, MAX_MANIFEST) {
        Ok(found) if found == text.as_bytes() => true,
        Ok(_) => return Err(DemoError::OtherManifest { path: manifest }),
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    folder::claim(&pictures, &folder::Marker::of_baskets(options))?;

    let missing: Vec<(usize, PathBuf)> = (1..=total)
        .map(|number| (number, pictures.join(format!("{}.jpg", name(number)))))
        .filter(|(_, path)| !folder::is_whole(path))
        .collect();
    let reused = total - missing.len();
    super::tell_reused(&pictures, reused, total, progress);
    super::draw_missing(&missing, progress, |(number, path)| {
        let mut rng = picture_rng(seed, STREAM, *number as u32);
        let pieces = pieces(&kinds(&mut rng), &mut rng);
        let objects: Vec<&Artwork> = pieces.iter().map(|&kind| &artwork[kind]).collect();
        let picture = scene::draw(&objects, LAYOUTS, &mut rng)?;
        let jpeg = encode(&picture).map_err(|source| DemoError::Encode { path: path.clone(), source })?;
        Ok(folder::write_picture(path, &jpeg)?)
    })?;
    // Last, so that it names no picture that is not there.
    if !present {
        write_whole(&manifest, |file| file.write_all(text.as_bytes()))?;
    }
    Ok(BasketSummary {
        pictures,
        manifest,
        kinds: BASKET.iter().map(|&kind| KINDS[kind].name.to_owned()).collect(),
        drawn: missing.len(),
        reused,
    })
}

/// The name of a picture, counted from 1, without extension.
fn name(number: usize) -> String {
    format!("basket-{number:04}")
}

/// Which kinds are in a basket, as places in [`BASKET`], ascending. One to [`MOST`], all numbers equally likely, and all
/// kinds too.
fn kinds(rng: &mut ChaCha8Rng) -> Vec<usize> {
    let count = rng.random_range(1..=MOST);
    let mut kinds = index::sample(rng, BASKET.len(), count).into_vec();
    kinds.sort_unstable();
    kinds
}

/// The single pieces of fruit, in the order in which they are laid down: of each kind one to three, and fewer where
/// there are more kinds, so that all stay large enough to be seen.
fn pieces(kinds: &[usize], rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut pieces = Vec::new();
    for &kind in kinds {
        let count = match kinds.len() {
            1 | 2 => rng.random_range(1..=3),
            3 => rng.random_range(1..=2),
            _ => 1 + usize::from(rng.random_bool(0.3)),
        };
        pieces.extend(std::iter::repeat_n(kind, count));
    }
    pieces.shuffle(rng);
    pieces
}

/// The manifest. A basket's first random numbers decide what is in it, so nothing need be drawn to know.
fn manifest_text(options: &BasketOptions) -> String {
    let mut text = String::from("image_name,tags\n");
    for number in 1..=options.pictures {
        let kinds = kinds(&mut picture_rng(options.seed, STREAM, number as u32));
        let tags: Vec<&str> = kinds.iter().map(|&kind| KINDS[BASKET[kind]].name).collect();
        text += &format!("{},{}\n", name(number), tags.join(" "));
    }
    text
}
