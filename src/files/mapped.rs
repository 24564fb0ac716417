//! A file as memory: its pages come from the disk when they are looked at, and go again when memory is short.

use std::path::Path;

use memmap2::Mmap;

use super::{FileError, open_file};

/// A file, mapped to be read.
#[derive(Debug)]
pub(crate) struct Mapped(Mmap);

impl Mapped {
    /// Maps the file `path`.
    ///
    /// # Errors
    /// It cannot be read, or is no ordinary file.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let (file, _) = open_file(path)?;
        let map = || {
            // SAFETY: nothing is written through the map. Another program that shortens the file while it is read makes the
            // system stop this one (SIGBUS), as it does NumPy with `mmap_mode`; our own files are only ever replaced as a whole,
            // which leaves those that are mapped as they are.
            #[allow(unsafe_code)]
            unsafe {
                Mmap::map(&file)
            }
        };
        let map = map().map_err(FileError::on("read", path))?;
        // Passes go from front to back: the system reads ahead of each thread, and lets go of what is behind it first. It is
        // advice; a system that does not take it reads no wrong bytes.
        #[cfg(unix)]
        let _ = map.advise(memmap2::Advice::Sequential);
        Ok(Self(map))
    }

    /// The bytes `range` are about to be wanted.
    pub(crate) fn ahead(&self, range: std::ops::Range<usize>) {
        #[cfg(unix)]
        if !range.is_empty() {
            // Advice, as above.
            let _ = self.0.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
        }
        #[cfg(not(unix))]
        let _ = range;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

/// Whether the file `path` begins as Parquet files do.
pub(crate) fn is_parquet(path: &Path) -> bool {
    Mapped::open(path).is_ok_and(|map| map.bytes().starts_with(b"PAR1"))
}
