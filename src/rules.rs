//! Which pictures are read, and how much of them.

/// A picture that declares more pixels than this (200 million) is refused before it is decoded, where nothing else is said.
pub const MAX_PIXELS: u64 = 200_000_000;

/// What is done with a picture whose file is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Truncated {
    /// It is left out: what a decoder makes up for the missing part would be counted as colour.
    #[default]
    Skip,
    /// What there is of it is used.
    Keep,
}

/// Which pictures are read, and how much of them. A choice of each run, and no part of what features are: it says which pictures have any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureRules {
    /// Pictures that declare more pixels are left out.
    pub max_pixels: u64,
    /// What is done with those that are cut off.
    pub truncated: Truncated,
}

impl Default for PictureRules {
    fn default() -> Self {
        Self { max_pixels: MAX_PIXELS, truncated: Truncated::Skip }
    }
}
