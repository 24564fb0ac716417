//! Every format but JPEG, through the crate `image`.

use std::io::Cursor;

use image::error::ImageFormatHint;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::error::broken;
use super::scale::means;
use super::{Coded, PictureError, Scratch, check_size, max_bytes, resize};
use crate::dataset::pixels::{Depth16, to_rgb};

/// A picture whose header was read.
pub(super) struct Opened<'a> {
    format: ImageFormat,
    decoder: Box<dyn ImageDecoder + 'a>,
    scratch: &'a mut Scratch,
    size: (u32, u32),
}

/// What the first bytes of a file say that it is.
///
/// # Errors
/// It is nothing that is known.
pub(super) fn format(file: &[u8]) -> Result<ImageFormat, PictureError> {
    image::guess_format(file).map_err(|_| PictureError::Format("not a picture".into()))
}

/// Reads the header.
pub(super) fn open<'a>(
    file: &'a [u8],
    scratch: &'a mut Scratch,
    max_pixels: u64,
) -> Result<super::Opened<'a>, PictureError> {
    let format = format(file)?;
    // Some decoders refuse large sizes in words of their own; what the header declares is said in ours.
    if let Some((width, height)) = declared(format, file) {
        check_size(width, height, max_pixels)?;
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(max_bytes(max_pixels));
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let decoder: Box<dyn ImageDecoder + 'a> = Box::new(reader.into_decoder().map_err(refused)?);
    let size = decoder.dimensions();
    let pixels = check_size(size.0, size.1, max_pixels)?;
    let (width, height) = (size.0.div_ceil(scratch.scale), size.1.div_ceil(scratch.scale));
    // The decoders copy parts of the file, and some write to a canvas of their own first.
    let full = if scratch.scale > 1 { 3 * pixels } else { 0 };
    let bytes = file.len() as u64 + 2 * decoder.total_bytes() + full;
    Ok(super::Opened {
        width,
        height,
        scratch: bytes,
        coded: Coded::Other(Opened { format, decoder, scratch, size }),
    })
}

impl Opened<'_> {
    pub(super) fn decode_into(self, rgb: &mut [u8]) -> Result<(), PictureError> {
        let Self { format, decoder, scratch, size } = self;
        let Scratch { scale, kept, raw, full, .. } = scratch;
        if *scale == 1 {
            return decode(format, decoder, (raw, *kept), rgb);
        }
        resize(full, 3 * u64::from(size.0) * u64::from(size.1), *kept)?;
        decode(format, decoder, (raw, *kept), full)?;
        means(full, (size.0 as usize, size.1 as usize), *scale as usize, rgb);
        Ok(())
    }
}

fn decode(
    format: ImageFormat,
    decoder: Box<dyn ImageDecoder + '_>,
    (raw, kept): (&mut Vec<u8>, usize),
    rgb: &mut [u8],
) -> Result<(), PictureError> {
    let color = decoder.color_type();
    if color == ColorType::Rgb8 {
        return decoder.read_image_boxed(rgb).map_err(refused);
    }
    let depth16 = match format {
        ImageFormat::Tiff => Depth16::Rounded,
        _ => Depth16::HighByte,
    };
    resize(raw, decoder.total_bytes(), kept)?;
    decoder.read_image_boxed(raw).map_err(refused)?;
    if format == ImageFormat::Gif {
        blacken_transparent(raw);
    }
    if !to_rgb(color, depth16, raw, rgb) {
        return Err(PictureError::Broken(format!("pixels of type {color:?} are not supported")));
    }
    Ok(())
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
