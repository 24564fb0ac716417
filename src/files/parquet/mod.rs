//! Parquet files of strangers: what they say of themselves is looked at before the crate that reads them believes it.

mod footer;
mod pages;
mod table;
mod thrift;

pub(crate) use table::table;

use bytes::Bytes as Shared;
use parquet::basic::Compression;
use parquet::column::reader::ColumnReader;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use pages::Room;

use super::Mapped;
use crate::guard;

/// An open file.
pub(crate) struct Reader {
    file: SerializedFileReader<Shared>,
    bytes: Shared,
    /// Bytes for what is unpacked.
    room: u64,
    /// How there can be more of them, for messages.
    more: &'static str,
}

impl Reader {
    /// Opens the file that `map` is, with `room` for so many bytes of what is unpacked. `more` says how there can be more: `give … or `.
    ///
    /// # Errors
    /// It is no Parquet, or says of itself what cannot be.
    pub(crate) fn open(map: Mapped, room: u64, more: &'static str) -> Result<Self, String> {
        let contradict = || damaged(&"its metadata contradict themselves");
        if !footer::is_sound(map.bytes()) {
            return Err(contradict());
        }
        let bytes = Shared::from_owner(map);
        let file = guarded(|| SerializedFileReader::new(bytes.clone()).map_err(|e| damaged(&e)))?;
        // Else a few pages could be those of very many columns, and be gone over for each.
        let chunks = file.metadata().row_groups().iter().flat_map(|group| group.columns());
        let mut sizes = chunks.map(|chunk| u64::try_from(chunk.compressed_size()).ok());
        let all = sizes.try_fold(0u64, |sum, size| sum.checked_add(size?));
        if all.is_none_or(|all| all > bytes.len() as u64) {
            return Err(contradict());
        }
        Ok(Self { file, bytes, room, more })
    }

    /// The numbers or texts of column `leaf` in row group `group`, of which there is room for so many `values`.
    pub(crate) fn column(&self, group: usize, leaf: usize, values: u64) -> Result<ColumnReader, String> {
        let group = self.file.get_row_group(group).map_err(|e| damaged(&e))?;
        let room = Room { page: self.room, values, more: self.more };
        unpackable(group.metadata().column(leaf).compression())?;
        pages::check(&self.bytes, group.metadata().column(leaf), room)?;
        group.get_column_reader(leaf).map_err(|e| damaged(&e))
    }

    /// Numbers that there is room for.
    pub(crate) fn numbers(&self) -> u64 {
        self.room / size_of::<f32>() as u64
    }

    /// Bytes for what is unpacked.
    pub(crate) fn room(&self) -> u64 {
        self.room
    }

    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.file.metadata()
    }
}

/// What is wrong with a file, and what can be done.
pub(crate) fn damaged(e: &dyn std::fmt::Display) -> String {
    format!("it cannot be read as Parquet ({e}); make or copy it again")
}

/// Fails where nothing here unpacks what is packed so.
fn unpackable(packed: Compression) -> Result<(), String> {
    let name = match packed {
        Compression::BROTLI(_) => "Brotli",
        Compression::LZO => "LZO",
        _ => return Ok(()),
    };
    Err(format!(
        "it is packed with {name}, which is not read; write it with zstd or Snappy (pyarrow: write_table(…, compression=\"zstd\"))"
    ))
}

/// Does `work` on bytes from strangers. The crate that reads them means to return errors; where it panics instead, that is one too.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    guard::guarded(work).unwrap_or_else(|panic| Err(damaged(&format!("its reader gave up: {panic}"))))
}

/// A column as it is called: `embedding`, not `embedding.list.element`.
pub(crate) fn name(column: &ColumnDescriptor) -> &str {
    column.path().parts().first().map_or("", String::as_str)
}
