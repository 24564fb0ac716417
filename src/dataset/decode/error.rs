//! Why a picture could not be read.

use crate::bytes::Bytes;

/// Why a picture could not be read; it is skipped, counted and listed. The messages do not name the file:
/// they stand beside its path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The content, whatever the name says, is not of a format that can be read.
    #[error("{0}; JPEG, PNG, WebP, GIF, BMP and TIFF can be read")]
    Format(String),
    /// The decoder gave up.
    #[error("broken or of an unsupported kind: {0}")]
    Broken(String),
    /// A JPEG that ends before its end marker.
    #[error("the file is cut off; copy it again")]
    Truncated,
    /// A file larger than its pixels could be.
    #[error(
        "the file has {0} bytes, more than any picture that is decoded; it is not one, or must be scaled down"
    )]
    FileTooLarge(u64),
    /// More pixels than are decoded.
    #[error("declares {width}×{height} pixels, more than the {limit} that are decoded; scale it down")]
    TooLarge {
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
        /// The most pixels that are decoded.
        limit: u64,
    },
    /// No pixels.
    #[error("the picture has no pixels ({width}×{height})")]
    Empty {
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
    },
    /// Too little memory for the pixels.
    #[error("there is no memory for its {0} bytes of pixels; scale it down, or use fewer threads")]
    Memory(u64),
    /// More memory than pictures may take.
    #[error(
        "it takes about {needed}, more than the {budget} that --memory leaves for one picture; raise it, or scale the picture down"
    )]
    Budget {
        /// What reading it takes.
        needed: Bytes,
        /// What there is for it.
        budget: Bytes,
    },
    /// The decoder panicked, which is a bug of the decoder.
    #[error("the decoder panicked on it: {0}")]
    Panicked(String),
}

/// Decoders end some messages with a line break, and a reason is to stand in one line.
pub(super) fn broken(reason: &str) -> PictureError {
    PictureError::Broken(reason.split_whitespace().collect::<Vec<_>>().join(" "))
}
