//! What was seen of a picture when it was described.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Bytes that are read at a time.
const BUFFER: usize = 64 << 10;

use crate::files::modified;

/// XXH3-128 of bytes; 32 hexadecimal digits as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hash(pub u128);

impl Hash {
    /// That of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// That of `parts`, each behind its length (u64, little-endian): what one of them ends with is not what the next begins with.
    #[must_use]
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Xxh3::new();
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.digest128())
    }

    /// That of all that is left to read in `from`, which is not held as a whole.
    ///
    /// # Errors
    /// Those of `from`.
    pub fn of_all(mut from: impl Read) -> io::Result<Self> {
        let (mut hash, mut buffer) = (Xxh3::new(), vec![0; BUFFER]);
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(Self(hash.digest128())),
                Ok(count) => hash.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let value = u128::from_str_radix(text, 16).ok().filter(|_| digits);
        value.map(Self).ok_or_else(|| format!("{text:?} is no hash of 32 hexadecimal digits"))
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A picture's file as it was when it was described.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Entry {
    /// Bytes of the file; 0 where it could not be looked at.
    pub size: u64,
    /// When it was changed last, in nanoseconds since 1970; 0 where that is not known.
    pub modified: i64,
    /// Of its content; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
    /// Why its row is zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Whether its file is cut off, and its row is of what there is of it.
    #[serde(default, skip_serializing_if = "is_no")]
    pub cut_off: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_no(value: &bool) -> bool {
    !value
}

impl Entry {
    /// Size and time of the file `path` as it is now.
    #[must_use]
    pub fn look(path: &Path) -> Self {
        let Ok(found) = std::fs::metadata(path) else { return Self::default() };
        Self { size: found.len(), modified: modified(&found), ..Self::default() }
    }

    /// Whether `now` has the same size and time.
    #[must_use]
    pub fn same_stamp(&self, now: &Self) -> bool {
        (self.size, self.modified) == (now.size, now.modified)
    }
}
