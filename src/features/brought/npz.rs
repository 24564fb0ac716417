//! NumPy's `.npz`: a zip archive of `.npy` files.

use std::io::{Cursor, Read};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::npy;
use super::raw::{Place, Raw};
use super::some;
use crate::features::Bytes;
use crate::files::Mapped;

/// Deflate makes at most so many bytes of one.
const MOST_OF_ONE: u64 = 1032;

/// The array `key` of the archive, or the only one. What was stored as it is stays in the file; what was deflated is unpacked into
/// memory, of which there is `room` for so many bytes.
pub(super) fn open(path: &Path, map: Mapped, key: Option<&str>, room: u64) -> Result<Raw, String> {
    let damaged =
        |e: &dyn std::fmt::Display| format!("its archive cannot be read ({e}); make or copy it again");
    let mut archive = ZipArchive::new(Cursor::new(map.bytes())).map_err(|e| damaged(&e))?;
    let mut names = Vec::new();
    let mut torch = false;
    for index in 0..archive.len() {
        let name = archive
            .by_index_raw(index)
            .map_err(|e| damaged(&e))?
            .name()
            .map_err(|e| damaged(&e))?
            .into_owned();
        torch |= name.ends_with("/data.pkl");
        if let Some(name) = name.strip_suffix(".npy") {
            names.push((index, name.to_owned()));
        }
    }
    if torch && names.is_empty() {
        return Err(
            "it was written by torch.save, which pickles; save the tensor by safetensors.torch.save_file, or np.save(FILE, x.numpy())".into()
        );
    }
    let listed = || some(names.iter().map(|(_, name)| name.as_str()));
    let (index, name) = match (key, names.as_slice()) {
        (Some(key), names) => {
            let bare = key.strip_suffix(".npy").unwrap_or(key);
            let found = names.iter().find(|(_, name)| name == bare);
            found.ok_or_else(|| format!("it has no array {key:?}; it has {}", listed()))?
        }
        (None, [only]) => only,
        (None, []) => return Err("it is a zip archive without arrays".into()),
        (None, _) => {
            return Err(format!("it has several arrays; say which with --features-key: {}", listed()));
        }
    };
    let in_array = |problem: String| format!("its array {name:?}: {problem}");
    let mut file = archive.by_index(*index).map_err(|e| damaged(&e))?;
    let (size, packed) = (file.size(), file.compressed_size());
    if file.compression() == CompressionMethod::Stored {
        let at = file
            .data_start()
            .and_then(|at| usize::try_from(at).ok())
            .ok_or_else(|| damaged(&"an array is nowhere"))?;
        drop(file);
        drop(archive);
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if map.bytes().len().checked_sub(at).is_none_or(|there| there < length) {
            return Err(in_array("it is cut off; make or copy it again".into()));
        }
        return npy::within(path, Place::Mapped(map), at, length).map_err(in_array);
    }
    if size > packed.saturating_mul(MOST_OF_ONE) || packed > map.bytes().len() as u64 {
        return Err(in_array(format!(
            "{packed} bytes cannot hold the {size} that it says; make or copy it again"
        )));
    }
    if size > room {
        return Err(in_array(format!(
            "unpacked it takes {}, and there is memory for {}; give a larger --memory, or np.save it, or np.savez without compression, which is read from the file",
            Bytes(size),
            Bytes(room)
        )));
    }
    let mut bytes = Vec::new();
    // It grows with what comes, never ahead of it.
    file.by_ref().take(size + 1).read_to_end(&mut bytes).map_err(|e| in_array(damaged(&e)))?;
    let length = bytes.len();
    npy::within(path, Place::Memory(bytes), 0, length).map_err(in_array)
}
