//! Features that were made elsewhere, such as the embeddings of a network: NumPy's `.npy` and `.npz`, safetensors, Parquet. A file is
//! told by how it begins, not by its name, and nothing that it says of itself is believed before it was compared with its length.

mod npy;
mod npz;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet;
mod raw;
mod safetensors;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Budget, FeaturesError, Source};
use crate::files::Mapped;
use crate::names::shown;

/// What is to be read of a file.
#[derive(Debug, Clone, Default)]
pub struct BringOptions {
    /// The array or column, where a file has several.
    pub key: Option<String>,
    /// Columns of a table that are no features, though they are numbers: the labels.
    pub except: Vec<String>,
    /// Memory for what has to be unpacked.
    pub budget: Budget,
}

/// Rows of f32 out of the file `path`: of f16, bfloat16, f32 or f64, or of integers of at most 16 bits, which f32 holds exactly. Rows of
/// f32, little-endian and in C order, stay where they lie in the file; others are converted whenever they are read.
///
/// # Errors
/// The file cannot be read or is of no kind that is known; it holds other numbers, another shape, or less than it says; there is no
/// such array, or there are several and `options` name none.
pub fn bring(path: &Path, options: &BringOptions) -> Result<Arc<dyn Source>, FeaturesError> {
    let wrong = |problem: String| FeaturesError::Format { path: PathBuf::from(path), problem };
    let map = Mapped::open(path)?;
    let key = options.key.as_deref();
    match Format::of(map.bytes()).map_err(wrong)? {
        Format::Npy if key.is_some() => Err(wrong(NO_KEY.into())),
        Format::Npy => Ok(Arc::new(npy::open(path, map).map_err(wrong)?)),
        Format::Npz => Ok(Arc::new(npz::open(path, map, key, options.budget.free_bytes()).map_err(wrong)?)),
        Format::Safetensors => Ok(Arc::new(safetensors::open(path, map, key).map_err(wrong)?)),
        #[cfg(feature = "parquet")]
        Format::Parquet => {
            Ok(Arc::new(parquet::Parquet::open(path, map, options).map_err(wrong)?))
        }
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(wrong(
            "this huemax was built without its feature `parquet`; build it with that, or save the array as .npy".into(),
        )),
    }
}

const NO_KEY: &str = "an .npy file has a single array, and no names; leave --features-key out";

enum Format {
    Npy,
    Npz,
    Safetensors,
    Parquet,
}

impl Format {
    fn of(bytes: &[u8]) -> Result<Self, String> {
        const READ: &str = "features are read from .npy, .npz, .safetensors and .parquet";
        match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Ok(Self::Npy),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Self::Npz),
            [b'P', b'A', b'R', b'1', ..] => Ok(Self::Parquet),
            [_, _, _, _, _, _, 0, 0, b'{', ..] => Ok(Self::Safetensors),
            [] => Err(format!("it is empty; {READ}")),
            [0x80, 2..=5, ..] => Err(format!(
                "it is a Python pickle, which is not read, as it can run code; {READ}: np.save(\"X.npy\", x, allow_pickle=False)"
            )),
            [0x89, b'H', b'D', b'F', ..] => {
                Err(format!("it is HDF5; {READ}: np.save(\"X.npy\", file[\"x\"][:])"))
            }
            _ => Err(format!("it begins like none of the files that {READ}")),
        }
    }
}

/// `a`, `b` and 3 more: names in a file, for messages.
fn some<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", shown(name))).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

/// What to do with an array that is not rows × columns.
fn shape_problem(shape: &[u64]) -> String {
    let wanted = match shape.len() {
        0 => "it is a single number".to_owned(),
        1 => "one row each is x.reshape(-1, 1), a single row x.reshape(1, -1)".to_owned(),
        _ => "x.reshape(len(x), -1) keeps all numbers of a row, x.mean(axis=1) their mean".to_owned(),
    };
    format!("its shape is {shape:?}, and rows × columns are wanted ({wanted})")
}
