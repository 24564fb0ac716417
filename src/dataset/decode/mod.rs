//! Pictures as `IMREAD_COLOR` reads them; what becomes of every kind stands in docs/pictures.md. The decoders themselves are behind one seam
//! each: [`jpeg`] for JPEG, which is most of what there is and where the time goes, [`png`], [`gif`], and [`other`] for all else.

mod bmp;
mod error;
mod found;
mod gif;
mod jpeg;
mod known;
mod opened;
mod other;
mod png;
mod scale;
#[cfg(test)]
mod tests;
mod tiff;

pub use error::PictureError;
pub use found::Found;
pub use opened::Opened;

use std::io::Read;
use std::path::Path;

use crate::dataset::{MAX_PIXELS, PictureRules, Truncated};
use crate::guard;
use opened::{Coded, Full};

/// What pictures are decoded with: another decoder may give other pixels.
pub const DECODER: &str = if cfg!(feature = "libjpeg-turbo") {
    "libjpeg-turbo, png 0.18, image 0.25"
} else {
    "zune-jpeg 0.5, png 0.18, image 0.25"
};

/// Decoded pixels, borrowed from the [`Decoder`] that read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 · width · height` bytes, R G B, row by row.
    pub rgb: &'a [u8],
    /// How much of it there was.
    pub extent: Extent,
}

/// How much of a picture there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its file is cut off: what is not there is grey (JPEG), black (PNG) or the background (GIF).
    CutOff,
}

impl Extent {
    fn of(cut_off: bool) -> Self {
        if cut_off { Self::CutOff } else { Self::Whole }
    }
}

/// Reads pictures one after another, keeping its buffers.
///
/// The pixels are those of OpenCV's `imread(IMREAD_COLOR)`, as R G B: grey becomes three equal channels,
/// alpha is dropped and not blended, of 16 bits the high byte is kept (colour TIFF: rounded), palettes
/// are expanded, and of an animation the first frame is read, on the background that its file names. Formats without loss are equal byte
/// for byte; JPEG decoders differ from each other by a few levels, unless huemax is built with the feature `libjpeg-turbo`, which is what OpenCV
/// reads with. Pictures are not rotated by their EXIF
/// orientation, which no histogram of a whole picture can see. Floating-point pixels, which OpenCV refuses,
/// are clamped to 0…1, scaled by 255 and rounded.
///
/// A picture that is cut off is refused, unless [`Truncated::Keep`] is asked for. Of a JPEG
/// that is damaged in the middle, what the decoder can make of it is kept, the same on each reading; most other
/// broken files are refused. What takes longer than bytes and pixels tell, or more memory than was declared, is refused from the header.
#[derive(Debug)]
pub struct Decoder {
    max_pixels: u64,
    kept: usize,
    file: Vec<u8>,
    scratch: Scratch,
    rgb: Vec<u8>,
}

/// What decoding takes besides the file and the pixels.
#[derive(Debug)]
struct Scratch {
    /// 1, 2, 4 or 8.
    scale: u32,
    /// Whether pictures that are cut off are read as far as they go.
    keep_cut_off: bool,
    kept: usize,
    /// Pixels as they are in the file, where they are not R G B.
    raw: Vec<u8>,
    /// R G B in full size, where they are made smaller.
    full: Vec<u8>,
    #[cfg_attr(not(feature = "libjpeg-turbo"), allow(dead_code))] // there is nothing to keep
    jpeg: jpeg::Kept,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(MAX_PIXELS)
    }
}

impl Decoder {
    /// A decoder that refuses pictures of more than `max_pixels` pixels.
    #[must_use]
    pub fn new(max_pixels: u64) -> Self {
        let scratch = Scratch {
            scale: 1,
            keep_cut_off: false,
            kept: KEPT,
            raw: Vec::new(),
            full: Vec::new(),
            jpeg: jpeg::Kept::default(),
        };
        Self { max_pixels, kept: KEPT, file: Vec::new(), scratch, rgb: Vec::new() }
    }

    /// The same, decoding pictures at 1/`scale` of their width and height, rounded up. JPEG is decoded at that size where its
    /// decoder can; else the means over blocks of `scale`×`scale` pixels are taken, as of all other formats.
    ///
    /// # Panics
    /// `scale` is not 1, 2, 4 or 8.
    #[must_use]
    pub fn scaled(mut self, scale: u32) -> Self {
        assert!(
            matches!(scale, 1 | 2 | 4 | 8),
            "pictures are decoded at 1/1, 1/2, 1/4 or 1/8, not at 1/{scale}"
        );
        self.scratch.scale = scale;
        self
    }

    /// The same, following `rules`.
    #[must_use]
    pub fn with_rules(mut self, rules: PictureRules) -> Self {
        self.max_pixels = rules.max_pixels;
        self.scratch.keep_cut_off = rules.truncated == Truncated::Keep;
        self
    }

    /// The same, keeping buffers of up to `bytes` each for the next picture. 64 MiB where nothing is said.
    #[must_use]
    pub fn keeping(mut self, bytes: usize) -> Self {
        (self.kept, self.scratch.kept) = (bytes, bytes);
        self
    }

    /// Reads the picture in the file `path`. The format is told from the content, not from the name.
    ///
    /// # Errors
    /// The file cannot be read, holds no picture or a broken one, or declares no pixels or too many of them.
    pub fn read(&mut self, path: &Path) -> Result<Picture<'_>, PictureError> {
        self.read_found(Found::open(path)?)
    }

    /// Reads the picture that was `found`.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_found(&mut self, found: Found) -> Result<Picture<'_>, PictureError> {
        self.load(found)?;
        let opened = open(&self.file, &mut self.scratch, self.max_pixels)?;
        decode(opened, &mut self.rgb, self.kept)
    }

    /// Reads the picture that is in `bytes`, as it would be read from a file.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_bytes(&mut self, bytes: &[u8]) -> Result<Picture<'_>, PictureError> {
        let opened = open(bytes, &mut self.scratch, self.max_pixels)?;
        decode(opened, &mut self.rgb, self.kept)
    }

    /// Reads a file and its header, to decode it to where its pixels are wanted.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn open(&mut self, found: Found) -> Result<Opened<'_>, PictureError> {
        self.load(found)?;
        open(&self.file, &mut self.scratch, self.max_pixels)
    }

    /// The same for a picture that is in memory.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn open_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Opened<'a>, PictureError> {
        open(bytes, &mut self.scratch, self.max_pixels)
    }

    /// Fails where a file of so many `bytes` is larger than any picture that is decoded, whatever it may take to read it.
    ///
    /// # Errors
    /// [`PictureError::FileTooLarge`].
    pub fn check_file(&self, bytes: u64) -> Result<(), PictureError> {
        if bytes > max_bytes(self.max_pixels) { Err(PictureError::FileTooLarge(bytes)) } else { Ok(()) }
    }

    /// The content of the file that was read last, as far as it was read.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.file
    }

    /// Gives buffers back that one large picture made larger than is kept.
    pub fn tidy(&mut self) {
        for buffer in [&mut self.file, &mut self.rgb, &mut self.scratch.raw, &mut self.scratch.full] {
            if buffer.capacity() > self.kept {
                *buffer = Vec::new();
            }
        }
    }

    /// Reads the file, unless its first bytes are not those of a picture.
    fn load(&mut self, found: Found) -> Result<(), PictureError> {
        /// From here on, a look at the beginning costs less than reading what is no picture.
        const LARGE: u64 = 1 << 20;
        const SIGNATURE: u64 = 64;
        let Found { mut file, bytes, part } = found;
        self.file.clear();
        if self.file.capacity() > self.kept {
            self.file = Vec::new();
        }
        self.check_file(bytes)?;
        if bytes > LARGE && !part {
            file.by_ref().take(SIGNATURE).read_to_end(&mut self.file).map_err(PictureError::Unreadable)?;
            other::format(&self.file)?;
        }
        // Room for a byte more, so that one reading finds the end of the file too.
        let missing = usize::try_from(bytes + 1).map_err(|_| PictureError::Memory(bytes))?;
        self.file.try_reserve_exact(missing).map_err(|_| PictureError::Memory(bytes))?;
        // The limit holds for what is read too: a pipe has no length, and a file may grow.
        file.take(if part { bytes } else { max_bytes(self.max_pixels) })
            .read_to_end(&mut self.file)
            .map_err(PictureError::Unreadable)?;
        if part && (self.file.len() as u64) < bytes {
            return Err(PictureError::Unreadable(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }
}

/// Whether a file that begins with `first` is to be taken for a picture that can be read, where its name leaves that open.
pub(super) fn begins_as_picture(first: &[u8]) -> bool {
    // Two letters make no picture: those of a BMP may begin any text. The header behind them has one of few lengths.
    let bmp = first.starts_with(b"BM");
    let header = first
        .get(14..18)
        .is_some_and(|length| matches!(length, [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]));
    other::format(first).is_ok() && (!bmp || header)
}

/// Eight bytes a pixel are the most that formats of 8 and 16 bits take; the rest is for headers and scratch space.
fn max_bytes(max_pixels: u64) -> u64 {
    max_pixels.saturating_mul(8).saturating_add(64 << 20)
}

/// Reads the header of the picture in `file`.
fn open<'a>(file: &'a [u8], scratch: &'a mut Scratch, max_pixels: u64) -> Result<Opened<'a>, PictureError> {
    if file.is_empty() {
        return Err(PictureError::Format("the file is empty".into()));
    }
    guarded(|| match () {
        () if jpeg::is_jpeg(file) => jpeg::open(file, scratch, max_pixels),
        () if png::is_png(file) => png::open(file, scratch, max_pixels),
        () if gif::is_gif(file) => gif::open(file, scratch, max_pixels),
        () => other::open(file, scratch, max_pixels),
    })
}

fn decode<'a>(opened: Opened<'_>, rgb: &'a mut Vec<u8>, kept: usize) -> Result<Picture<'a>, PictureError> {
    let (width, height) = (opened.width, opened.height);
    resize(rgb, 3 * opened.pixels(), kept)?;
    let extent = opened.decode_into(rgb)?;
    Ok(Picture { width, height, rgb, extent })
}

/// How many pixels there are, if that is some and not too many.
fn check_size(width: u32, height: u32, max_pixels: u64) -> Result<u64, PictureError> {
    match u64::from(width) * u64::from(height) {
        0 => Err(PictureError::Empty { width, height }),
        pixels if pixels > max_pixels => Err(PictureError::TooLarge { width, height, limit: max_pixels }),
        pixels => Ok(pixels),
    }
}

/// Makes a panic of a decoder an error of this one picture. The decoder's own state is lost with it; the
/// buffers hold bytes, and are written anew by the next picture.
fn guarded<T>(decode: impl FnOnce() -> Result<T, PictureError>) -> Result<T, PictureError> {
    guard::guarded(decode).unwrap_or_else(|panic| Err(PictureError::Panicked(panic)))
}

/// Buffers up to this are kept for good, where nothing else is said.
const KEPT: usize = 64 << 20;

/// Makes the buffer `bytes` long. One very large picture must not keep its memory for good, and steady
/// reading must not allocate: a buffer is given back when it is larger than `kept` and mostly unused.
fn resize(buffer: &mut Vec<u8>, bytes: u64, kept: usize) -> Result<(), PictureError> {
    let length = usize::try_from(bytes).map_err(|_| PictureError::Memory(bytes))?;
    if buffer.capacity() > kept && buffer.capacity() / 4 > length {
        *buffer = Vec::new();
    }
    let missing = length.saturating_sub(buffer.len());
    buffer.try_reserve_exact(missing).map_err(|_| PictureError::Memory(bytes))?;
    // What the last picture left is not cleared: it costs some per cent of the time, and a decoder that
    // succeeds writes the whole buffer, also for a broken file that it reads as far as it can.
    buffer.resize(length, 0);
    Ok(())
}
