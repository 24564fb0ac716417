//! Safetensors.

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};

use super::numbers::Kind;
use super::raw::{Layout, Place, Raw};
use super::{shape_problem, some};
use crate::files::Mapped;

/// The tensor `key` of the file, or the only one of rows × columns.
pub(super) fn open(path: &Path, map: Mapped, key: Option<&str>) -> Result<Raw, String> {
    let layout = {
        let bytes = map.bytes();
        // Checks that the tensors are where the header says, and end where the file ends.
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| {
            format!("no safetensors file, or one that is cut off ({e}); make or copy it again")
        })?;
        let mut all: Vec<_> = tensors.iter().collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        let listed = || some(all.iter().map(|(name, _)| *name));
        let flat: Vec<_> = all.iter().filter(|(_, tensor)| tensor.shape().len() == 2).collect();
        let (name, tensor) = match (key, flat.as_slice(), all.as_slice()) {
            (Some(key), ..) => all
                .iter()
                .find(|(name, _)| *name == key)
                .ok_or_else(|| format!("it has no tensor {key:?}; it has {}", listed()))?,
            (None, [only], _) => only,
            (None, _, [only]) => only,
            (None, _, []) => return Err("it has no tensors".into()),
            (None, ..) => {
                return Err(format!("it has several tensors; say which with --features-key: {}", listed()));
            }
        };
        let in_tensor = |problem: String| format!("its tensor {name:?}: {problem}");
        let kind = match tensor.dtype() {
            Dtype::F16 => Kind::F16,
            Dtype::BF16 => Kind::Bf16,
            Dtype::F32 => Kind::F32,
            Dtype::F64 => Kind::F64,
            Dtype::I8 => Kind::I8,
            Dtype::U8 | Dtype::BOOL => Kind::U8,
            Dtype::I16 => Kind::I16,
            Dtype::U16 => Kind::U16,
            other => {
                let problem =
                    format!("it holds {other:?}, and F16, BF16, F32 or F64 is wanted; save x.float()");
                return Err(in_tensor(problem));
            }
        };
        let &[rows, columns] = tensor.shape() else {
            let shape: Vec<u64> = tensor.shape().iter().map(|&n| n as u64).collect();
            return Err(in_tensor(shape_problem(&shape)));
        };
        let start = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize;
        Layout { start, rows, columns, kind, big_endian: false, by_column: false }
    };
    Raw::new(path.into(), Place::Mapped(map), layout)
}
