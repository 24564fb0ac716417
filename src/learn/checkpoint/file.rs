//! The file: safetensors with the arrays of the state, f64, and one metadata entry that holds everything else as JSON. The
//! last field of the JSON is a SHA-256 over the JSON before it and over the arrays: what was changed on the way is found out.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata as Header, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Belongs, Checkpoint, CheckpointError};
use crate::files::{FileError, Staged, stage};
use crate::learn::State;
use crate::tensors::{self, Closed, Opened};

/// Version of the format; others are not read, as checkpoints do not live long.
pub const VERSION: u64 = 2;
/// The key of the metadata.
const KEY: &str = "huemax-checkpoint";
/// What stands between the JSON and its digest, and what ends it.
const SEAL: (&str, &str) = (",\"sha256\":\"", "\"}");

/// Everything that is not an array.
#[derive(Serialize, Deserialize)]
struct Metadata {
    format: u64,
    belongs: Belongs,
    keep: Value,
    solver: String,
    numbers: Map<String, Value>,
}

impl Checkpoint {
    /// Writes the checkpoint beside `path`, to take its place later.
    pub(super) fn stage(&self, path: &Path) -> Result<Staged, FileError> {
        stage(path, true, |writer| writer.write_all(&self.bytes()?))
    }

    fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let State { solver, numbers, arrays } = &self.state;
        let metadata = Metadata {
            format: VERSION,
            belongs: self.belongs.clone(),
            keep: self.keep.clone(),
            solver: solver.clone(),
            numbers: numbers.clone(),
        };
        let mut text = serde_json::to_string(&metadata)?;
        text.pop();
        let arrays: BTreeMap<&str, Vec<u8>> =
            arrays.iter().map(|(name, values)| (name.as_str(), little_endian(values))).collect();
        let digest = digest(&text, arrays.iter().map(|(&name, bytes)| (name, bytes.as_slice())));
        let text = [&text, SEAL.0, &digest, SEAL.1].concat();
        let views = arrays.iter().map(|(&name, bytes)| {
            TensorView::new(Dtype::F64, vec![bytes.len() / 8], bytes).map(|view| (name, view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(std::io::Error::other)?;
        safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), text)])))
            .map_err(std::io::Error::other)
    }

    /// Reads a checkpoint. No more memory is asked for than a small multiple of the file's length.
    pub(super) fn read(path: &Path) -> Result<Self, CheckpointError> {
        let foreign = |reason: &str| CheckpointError::Foreign { path: path.into(), reason: reason.into() };
        let damaged = |reason: String| CheckpointError::Damaged { path: path.into(), reason };
        let Opened { file, len, mut bytes } = tensors::open(path).map_err(|closed| match closed {
            Closed::File(error) => error.into(),
            Closed::Folder => foreign("it is a folder"),
            Closed::Foreign(reason) => foreign(reason),
            Closed::Cut(reason) => damaged(reason),
        })?;
        let header: Header = serde_json::from_slice(&bytes[8..]).map_err(|e| damaged(e.to_string()))?;
        let text = header.metadata().as_ref().and_then(|entries| entries.get(KEY));
        let text = text.ok_or_else(|| foreign(&format!("it has no metadata entry \"{KEY}\"")))?;
        // A header may claim any length at all.
        let expected = (bytes.len() as u64).checked_add(header.data_len() as u64);
        let expected = expected.ok_or_else(|| damaged("it claims more bytes than can be counted".into()))?;
        if len != expected {
            return Err(damaged(format!("it has {len} bytes and should have {expected}")));
        }
        let json: Value = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        let found = json["format"].as_u64().ok_or_else(|| damaged("it states no format".into()))?;
        if found != VERSION {
            let written_by = json["belongs"]["huemax"].as_str().unwrap_or("unknown").to_owned();
            return Err(CheckpointError::Version { path: path.into(), found, reads: VERSION, written_by });
        }
        file.take(expected).read_to_end(&mut bytes).map_err(FileError::on("read", path))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let views: BTreeMap<&str, TensorView<'_>> = tensors.iter().collect();
        if let Some((name, view)) =
            views.iter().find(|(_, v)| v.dtype() != Dtype::F64 || v.shape().len() != 1)
        {
            let (dtype, shape) = (view.dtype(), view.shape());
            return Err(damaged(format!("{name} is {dtype:?} of shape {shape:?}, no row of F64")));
        }
        let (text, said) = unsealed(text).ok_or_else(|| damaged("its digest is missing".into()))?;
        if digest(text, views.iter().map(|(&name, view)| (name, view.data()))) != said {
            return Err(damaged("its digest says that it has been changed".into()));
        }
        let metadata: Metadata = serde_json::from_value(json).map_err(|e| damaged(e.to_string()))?;
        let arrays = views.iter().map(|(&name, view)| (name.to_owned(), numbers(view.data()))).collect();
        let Metadata { belongs, keep, solver, numbers, .. } = metadata;
        Ok(Self { belongs, keep, state: State { solver, numbers, arrays } })
    }
}

/// The JSON that was digested, without its last brace, and the digest that stands behind it.
fn unsealed(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix(SEAL.1)?;
    let (text, digest) = text.split_at_checked(text.len().checked_sub(64)?)?;
    Some((text.strip_suffix(SEAL.0)?, digest))
}

/// SHA-256 over the JSON and over names, lengths and bytes of the arrays, as hexadecimal digits.
fn digest<'a>(text: &str, arrays: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(text.as_bytes());
    for (name, bytes) in arrays {
        add(name.as_bytes());
        add(bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn little_endian(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i]))).collect()
}
