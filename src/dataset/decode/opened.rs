//! A picture of which the header is known: what it will take, and then its pixels, wherever they are wanted.

use super::{Extent, PictureError, Scratch, gif, guarded, jpeg, other, png, resize, scale};

/// A picture whose header was read, to be decoded.
pub struct Opened<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) scratch: u64,
    pub(super) coded: Coded<'a>,
}

#[allow(clippy::large_enum_variant)] // JPEG is the common case, and a box would be an allocation a picture
pub(super) enum Coded<'a> {
    /// Makes itself smaller.
    Jpeg(jpeg::Opened<'a>),
    /// Is decoded in its full size.
    Full { from: Full<'a>, size: (u32, u32), scratch: &'a mut Scratch },
}

/// A format whose decoder knows its full size only.
pub(super) enum Full<'a> {
    Png(png::Opened<'a>),
    Gif(gif::Opened<'a>),
    Other(other::Opened<'a>),
}

impl Full<'_> {
    /// `raw` is for what is not R G B, and gives back more bytes than are kept.
    fn decode_into(self, raw: (&mut Vec<u8>, usize), rgb: &mut [u8]) -> Result<Extent, PictureError> {
        match self {
            Self::Png(png) => png.decode_into(rgb),
            Self::Gif(gif) => gif.decode_into(raw, rgb),
            Self::Other(other) => other.decode_into(raw, rgb),
        }
    }
}

impl<'a> Opened<'a> {
    /// Of `size`, decoded from `from` with `bytes` besides the file and the pixels.
    pub(super) fn full(size: (u32, u32), bytes: u64, scratch: &'a mut Scratch, from: Full<'a>) -> Self {
        let scale = scratch.scale;
        let full = if scale > 1 { 3 * u64::from(size.0) * u64::from(size.1) } else { 0 };
        let (width, height) = (size.0.div_ceil(scale), size.1.div_ceil(scale));
        Self {
            width,
            height,
            scratch: bytes.saturating_add(full),
            coded: Coded::Full { from, size, scratch },
        }
    }
}

impl std::fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({}×{})", self.width, self.height)
    }
}

impl Opened<'_> {
    /// Columns of what is decoded.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows of what is decoded.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Pixels of what is decoded.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Bytes that decoding takes besides the file and [`pixels`](Self::pixels), from what the header declares: an upper bound within
    /// some hundred KiB, as of an unread file nothing better can be known.
    #[must_use]
    pub fn scratch(&self) -> u64 {
        self.scratch
    }

    /// Writes all pixels to `rgb`, which has room for them: 3 bytes each, R G B, row by row.
    ///
    /// # Errors
    /// The picture is broken, or there is no memory for it; `rgb` then holds anything.
    pub fn decode_into(self, rgb: &mut [u8]) -> Result<Extent, PictureError> {
        guarded(|| match self.coded {
            Coded::Jpeg(jpeg) => jpeg.decode_into(rgb),
            Coded::Full { from, size, scratch } => {
                let Scratch { scale, kept, raw, full, .. } = scratch;
                if *scale == 1 {
                    return from.decode_into((raw, *kept), rgb);
                }
                resize(full, 3 * u64::from(size.0) * u64::from(size.1), *kept)?;
                let extent = from.decode_into((raw, *kept), full)?;
                scale::means(full, (size.0 as usize, size.1 as usize), *scale as usize, rgb);
                Ok(extent)
            }
        })
    }
}
