//! Pictures as `IMREAD_COLOR` reads them.

/// Why a picture could not be read; it is skipped, counted and listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// No pixels.
    #[error("the picture has no pixels ({width}×{height})")]
    Empty {
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
    },
}

/// Decoded pixels, borrowed from the [`Decoder`] that read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 · width · height` bytes, R G B, row by row.
    pub rgb: &'a [u8],
}

/// Reads pictures one after another, keeping its buffers.
#[derive(Debug, Default)]
pub struct Decoder {}
