//! Pictures as `IMREAD_COLOR` reads them.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::error::ImageFormatHint;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::pixels::{Depth16, to_rgb};

/// What decodes pictures, by name: features that are kept say it, as JPEG decoders differ in the pixels that they give.
pub const DECODER: &str = "image 0.25, zune-jpeg";

/// A picture that declares more pixels than this (200 million) is refused before it is decoded.
pub const MAX_PIXELS: u64 = 200_000_000;

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
    /// The decoder panicked, which is a bug of the decoder.
    #[error("the decoder panicked on it: {0}")]
    Panicked(String),
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
///
/// The pixels are those of OpenCV's `imread(IMREAD_COLOR)`, as R G B: grey becomes three equal channels,
/// alpha is dropped and not blended, of 16 bits the high byte is kept (colour TIFF: rounded), palettes
/// are expanded, and of an animation the first frame is read. Formats without loss are equal byte for byte;
/// JPEG decoders differ from each other by a few levels. Pictures are not rotated by their EXIF
/// orientation, which no histogram of a whole picture can see. Floating-point pixels, which OpenCV refuses,
/// are clamped to 0…1, scaled by 255 and rounded. Transparent GIF pixels are black.
///
/// A JPEG that is cut off is refused: what its decoder makes up for the missing part would be counted as colour. Of one
/// that is damaged in the middle, what the decoder can make of it is kept, the same on each reading; most other
/// broken files are refused. BMP is read up to 65,535 pixels a side.
#[derive(Debug)]
pub struct Decoder {
    max_pixels: u64,
    file: Vec<u8>,
    raw: Vec<u8>,
    rgb: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(MAX_PIXELS)
    }
}

impl Decoder {
    /// A decoder that refuses pictures of more than `max_pixels` pixels.
    pub fn new(max_pixels: u64) -> Self {
        Self { max_pixels, file: Vec::new(), raw: Vec::new(), rgb: Vec::new() }
    }

    /// Reads the picture in the file `path`. The format is told from the content, not from the name.
    ///
    /// # Errors
    /// The file cannot be read, holds no picture or a broken one, or declares no pixels or too many of them.
    pub fn read(&mut self, path: &Path) -> Result<Picture<'_>, PictureError> {
        self.load(path)?;
        let (width, height) = guarded(|| self.decode())?;
        Ok(Picture { width, height, rgb: &self.rgb })
    }

    /// Reads the picture that is in `bytes`, as it would be read from a file.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_bytes(&mut self, bytes: &[u8]) -> Result<Picture<'_>, PictureError> {
        self.file.clear();
        self.file.extend_from_slice(bytes);
        let (width, height) = guarded(|| self.decode())?;
        Ok(Picture { width, height, rgb: &self.rgb })
    }

    /// Reads the picture that is in `len` bytes of `file` from `at` on.
    ///
    /// # Errors
    /// As for [`read`](Self::read); the file ends before.
    pub fn read_part(&mut self, file: &mut File, at: u64, len: u64) -> Result<Picture<'_>, PictureError> {
        if len > self.max_bytes() {
            return Err(PictureError::FileTooLarge(len));
        }
        self.file.clear();
        if self.file.capacity() > SMALL {
            self.file = Vec::new();
        }
        file.seek(SeekFrom::Start(at)).map_err(PictureError::Unreadable)?;
        file.take(len).read_to_end(&mut self.file).map_err(PictureError::Unreadable)?;
        if self.file.is_empty() {
            return Err(PictureError::Format("the file is empty".into()));
        }
        if (self.file.len() as u64) < len {
            return Err(PictureError::Unreadable(std::io::ErrorKind::UnexpectedEof.into()));
        }
        image::guess_format(&self.file).map_err(|_| PictureError::Format("not a picture".into()))?;
        let (width, height) = guarded(|| self.decode())?;
        Ok(Picture { width, height, rgb: &self.rgb })
    }

    /// The content of the file that was read last, as far as it was read: whole, if it was a picture.
    pub fn content(&self) -> &[u8] {
        &self.file
    }

    /// Reads the file, unless its first bytes are not those of a picture.
    fn load(&mut self, path: &Path) -> Result<(), PictureError> {
        const SIGNATURE: u64 = 64;
        self.file.clear();
        if self.file.capacity() > SMALL {
            self.file = Vec::new();
        }
        let mut file = File::open(path).map_err(PictureError::Unreadable)?;
        file.by_ref().take(SIGNATURE).read_to_end(&mut self.file).map_err(PictureError::Unreadable)?;
        if self.file.is_empty() {
            return Err(PictureError::Format("the file is empty".into()));
        }
        let bytes = file.metadata().map_err(PictureError::Unreadable)?.len();
        if bytes > self.max_bytes() {
            return Err(PictureError::FileTooLarge(bytes));
        }
        image::guess_format(&self.file).map_err(|_| PictureError::Format("not a picture".into()))?;
        // The limit holds for what is read too: a pipe has no length, and a file may grow.
        file.take(self.max_bytes()).read_to_end(&mut self.file).map_err(PictureError::Unreadable)?;
        Ok(())
    }

    /// How many pixels there are, if that is some and not too many.
    fn check_size(&self, width: u32, height: u32) -> Result<u64, PictureError> {
        match u64::from(width) * u64::from(height) {
            0 => Err(PictureError::Empty { width, height }),
            pixels if pixels > self.max_pixels => {
                Err(PictureError::TooLarge { width, height, limit: self.max_pixels })
            }
            pixels => Ok(pixels),
        }
    }

    /// Eight bytes a pixel are the most that formats of 8 and 16 bits take; the rest is for headers and scratch space.
    fn max_bytes(&self) -> u64 {
        self.max_pixels.saturating_mul(8).saturating_add(64 << 20)
    }

    /// Decodes the loaded file into `rgb`.
    fn decode(&mut self) -> Result<(u32, u32), PictureError> {
        let mut reader = ImageReader::new(Cursor::new(self.file.as_slice()))
            .with_guessed_format()
            .map_err(PictureError::Unreadable)?;
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(self.max_bytes());
        reader.limits(limits);
        let format = reader.format();
        let depth16 = match format {
            Some(ImageFormat::Tiff) => Depth16::Rounded,
            _ => Depth16::HighByte,
        };
        // Some decoders refuse large sizes in words of their own; what the header declares is said in ours.
        if let Some((width, height)) = format.and_then(|format| declared(format, &self.file)) {
            self.check_size(width, height)?;
        }
        let decoder = reader.into_decoder().map_err(refused)?;

        let (width, height) = decoder.dimensions();
        let pixels = self.check_size(width, height)?;
        if format == Some(ImageFormat::Jpeg) && is_cut_off(&self.file) {
            return Err(PictureError::Truncated);
        }
        resize(&mut self.rgb, 3 * pixels)?;
        let color = decoder.color_type();
        if color == ColorType::Rgb8 {
            decoder.read_image(&mut self.rgb).map_err(refused)?;
        } else {
            resize(&mut self.raw, decoder.total_bytes())?;
            decoder.read_image(&mut self.raw).map_err(refused)?;
            if format == Some(ImageFormat::Gif) {
                blacken_transparent(&mut self.raw);
            }
            if !to_rgb(color, depth16, &self.raw, &mut self.rgb) {
                return Err(PictureError::Broken(format!("pixels of type {color:?} are not supported")));
            }
        }
        Ok((width, height))
    }
}

/// Width and height as the header of a PNG or of a BMP (of version 3 and later) declares them.
fn declared(format: ImageFormat, file: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| file.get(at..at + 4)?.try_into().ok();
    match format {
        ImageFormat::Png => Some((u32::from_be_bytes(word(16)?), u32::from_be_bytes(word(20)?))),
        // Signed: a negative height only says that rows go down.
        ImageFormat::Bmp if u32::from_le_bytes(word(14)?) >= 40 => {
            Some((i32::from_le_bytes(word(18)?).unsigned_abs(), i32::from_le_bytes(word(22)?).unsigned_abs()))
        }
        _ => None,
    }
}

/// Whether a JPEG ends before its end marker. Walks from marker to marker, as the end of the file says nothing: what
/// follows the end marker may be anything, such as the film of a phone's moving photograph.
fn is_cut_off(jpeg: &[u8]) -> bool {
    const END: u8 = 0xD9;
    const SCAN: u8 = 0xDA;
    let mut at = 2; // behind the start marker
    loop {
        // To the next marker: in coded pixels an FF is followed by 00 or by a restart marker, D0 to D7, and any
        // number of FF may stand before a marker.
        let marker = loop {
            match jpeg.get(at..at + 2) {
                Some(&[0xFF, code]) if !matches!(code, 0x00 | 0x01 | 0xD0..=0xD7 | 0xFF) => break code,
                Some(_) => at += 1,
                None => return true,
            }
        };
        if marker == END {
            return false;
        }
        // A segment of its own length; the pixels of a scan follow its segment.
        let Some(&[high, low]) = jpeg.get(at + 2..at + 4) else { return true };
        at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        if marker != SCAN && at > jpeg.len() {
            return true;
        }
    }
}

/// Makes a panic of a decoder an error of this one picture. The decoder's own state is lost with it; the
/// buffers hold bytes, and are written anew by the next picture.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, PictureError>) -> Result<T, PictureError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(PictureError::Panicked(text.unwrap_or("no message").to_owned()))
    })
}

/// Buffers up to this are kept for good.
const SMALL: usize = 64 << 20;

/// Makes the buffer `bytes` long. One very large picture must not keep its memory for good, and steady
/// reading must not allocate: a buffer is given back when it is large and mostly unused.
fn resize(buffer: &mut Vec<u8>, bytes: u64) -> Result<(), PictureError> {
    let length = usize::try_from(bytes).map_err(|_| PictureError::Memory(bytes))?;
    if buffer.capacity() > SMALL && buffer.capacity() / 4 > length {
        *buffer = Vec::new();
    }
    let missing = length.saturating_sub(buffer.len());
    buffer.try_reserve(missing).map_err(|_| PictureError::Memory(bytes))?;
    // What the last picture left is not cleared: it costs some per cent of the time, and a decoder that
    // succeeds writes the whole buffer, also for a broken file that it reads as far as it can.
    buffer.resize(length, 0);
    Ok(())
}

/// A transparent pixel of a GIF is one that is not drawn, and what lies below the first frame is black.
fn blacken_transparent(rgba: &mut [u8]) {
    for pixel in rgba.chunks_exact_mut(4).filter(|pixel| pixel[3] == 0) {
        pixel.fill(0);
    }
}

fn refused(error: ImageError) -> PictureError {
    match error {
        ImageError::Unsupported(error) => match error.format_hint() {
            ImageFormatHint::Exact(format) if !format.reading_enabled() => {
                PictureError::Format(format!("a {format:?} picture"))
            }
            _ => broken(&error.to_string()),
        },
        error => broken(&error.to_string()),
    }
}

/// Decoders end some messages with a line break, and a reason is to stand in one line.
fn broken(reason: &str) -> PictureError {
    PictureError::Broken(reason.split_whitespace().collect::<Vec<_>>().join(" "))
}
