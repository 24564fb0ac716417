//! NumPy's `.npy`.

use std::path::Path;

use super::numbers::Kind;
use super::raw::{Layout, Place, Raw};
use super::shape_problem;
use crate::files::{Mapped, NpyHeader};

/// How the numbers lie that `header` stands before.
fn layout(header: &NpyHeader) -> Result<Layout, String> {
    let (order, name) = header.dtype.split_at(1.min(header.dtype.len()));
    let kind = match name {
        "f2" => Kind::F16,
        "f4" => Kind::F32,
        "f8" => Kind::F64,
        "i1" => Kind::I8,
        "u1" | "b1" => Kind::U8,
        "i2" => Kind::I16,
        "u2" => Kind::U16,
        "i4" | "u4" | "i8" | "u8" => {
            return Err(format!(
                "it holds {} ({}), and not all of such integers are float32; save x.astype(np.float32)",
                if name.starts_with('i') { "integers" } else { "unsigned integers" },
                header.dtype
            ));
        }
        _ => {
            return Err(format!(
                "it holds {}, and float16, float32 or float64 is wanted; save x.astype(np.float32)",
                header.dtype
            ));
        }
    };
    let &[rows, columns] = header.shape.as_slice() else { return Err(shape_problem(&header.shape)) };
    let [rows, columns] = [rows, columns].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let by_column = header.by_column;
    Ok(Layout { start: header.start, rows, columns, kind, big_endian: order == ">", by_column })
}

/// The rows of the file `path`.
pub(super) fn open(path: &Path, map: Mapped) -> Result<Raw, String> {
    let layout = layout(&NpyHeader::read(map.bytes())?)?;
    exact(layout, map.bytes().len())?;
    Raw::new(path.into(), Place::Mapped(map), layout)
}

/// The rows of the `.npy` file that lies at `at` in `place`, of `length` bytes.
pub(super) fn within(path: &Path, place: Place, at: usize, length: usize) -> Result<Raw, String> {
    let bytes = place.bytes().get(at..at + length).ok_or("it is cut off")?;
    let layout = layout(&NpyHeader::read(bytes)?)?;
    exact(layout, length)?;
    Raw::new(path.into(), place, Layout { start: at + layout.start, ..layout })
}

/// Fails where more follows than the header says: then it says something else than what is there.
fn exact(layout: Layout, length: usize) -> Result<(), String> {
    let Layout { start, rows, columns, kind, .. } = layout;
    match rows.checked_mul(columns).and_then(|n| n.checked_mul(kind.size())) {
        Some(needed) if needed < length - start => Err(format!(
            "its header says {rows} × {columns} numbers of {} bytes, and {} bytes follow it; make or copy it again",
            kind.size(),
            length - start
        )),
        _ => Ok(()),
    }
}
