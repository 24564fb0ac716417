//! WebP, BMP and TIFF, through the crate `image`.

use std::borrow::Cow;
use std::io::Cursor;

use image::error::ImageFormatHint;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::bmp::{self, move_up};
use super::error::broken;
use super::known;
use super::tiff::{Chapter, Colours, MOST_PIECES, is_big};
use super::{Extent, Full, PictureError, Scratch, check_size, max_bytes, resize};
use crate::dataset::pixels::{Depth16, to_rgb};

/// A picture whose header was read.
pub(super) struct Opened<'a> {
    format: ImageFormat,
    decoder: Box<dyn ImageDecoder + 'a>,
    mend: Mend,
}

/// What the decoder leaves to be done, so that pixels are those of OpenCV.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mend {
    Nothing,
    /// Colours of so many bits were stretched to 0…255, and are to be moved up only.
    Bits([u8; 3]),
    /// Colours are to be multiplied by alpha.
    Multiply,
    /// Numbers that were taken for colours stand for others.
    Colours(Colours),
}

/// What the first bytes of a file say that it is.
///
/// # Errors
/// It is nothing that is known.
pub(super) fn format(file: &[u8]) -> Result<ImageFormat, PictureError> {
    let readable = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
    ];
    match image::guess_format(file) {
        Ok(format) if readable.contains(&format) => Ok(format),
        _ if is_big(file) => Ok(ImageFormat::Tiff),
        _ => Err(PictureError::Format(known::name(file).unwrap_or("not a picture").into())),
    }
}

/// A WebP of more pixels than this, which takes some seconds, is to have one byte for so many of them: without loss, all of one colour may be
/// described in no more than 34 bytes, and takes as long as any other. Photographs have a hundred times as many.
const LARGE: u64 = 64_000_000;
const MOST_FROM_A_BYTE: u64 = 256;

/// Reads the header.
pub(super) fn open<'a>(
    file: &'a [u8],
    scratch: &'a mut Scratch,
    max_pixels: u64,
) -> Result<super::Opened<'a>, PictureError> {
    let format = format(file)?;
    // Some decoders refuse large sizes in words of their own; what the header declares is said in ours.
    if let Some((width, height)) = bmp::size(file).filter(|_| format == ImageFormat::Bmp) {
        check_size(width, height, max_pixels)?;
    }
    let mut mend = Mend::Nothing;
    let mut mended = unblended(format, file);
    if format == ImageFormat::Tiff {
        let chapter = Chapter::read(file);
        let (width, height) = chapter.size();
        if u64::from(width) * u64::from(height) > 0 {
            check_size(width, height, max_pixels)?;
        }
        if chapter.too_long {
            return Err(broken("a field of it claims more values than the file has bytes"));
        }
        if !chapter.can_be() {
            return Err(broken("it declares more pixels than its bytes can become"));
        }
        if let Some(problem) = chapter.beyond() {
            return Err(broken(problem));
        }
        if chapter.pieces > MOST_PIECES {
            return Err(broken(&format!(
                "a TIFF in {} strips or tiles, more than the {MOST_PIECES} that are decoded; save it anew with larger ones",
                chapter.pieces
            )));
        }
        mend = if chapter.multiply { Mend::Multiply } else { mend };
        if let Some((colours, file)) = chapter.colours(file) {
            (mend, mended) = (Mend::Colours(colours), file);
        }
    }
    if format == ImageFormat::Bmp {
        mend = bmp::check(file)?.map_or(mend, Mend::Bits);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(max_bytes(max_pixels));
    let copied = if let Cow::Owned(copy) = &mended { copy.len() as u64 } else { 0 };
    let mut reader = ImageReader::with_format(Cursor::new(mended), format);
    reader.limits(limits);
    let decoder: Box<dyn ImageDecoder + 'a> = Box::new(reader.into_decoder().map_err(refused)?);
    let size = decoder.dimensions();
    let pixels = check_size(size.0, size.1, max_pixels)?;
    if format == ImageFormat::WebP && pixels > LARGE && pixels / MOST_FROM_A_BYTE > file.len() as u64 {
        return Err(broken(&format!(
            "a WebP of {}×{} pixels in {} bytes, fewer than any picture of that size takes; scale it down",
            size.0,
            size.1,
            file.len()
        )));
    }
    // The decoders copy parts of the file, and some write to a canvas of their own first.
    let bytes = copied + file.len() as u64 + 2 * decoder.total_bytes();
    Ok(super::Opened::full(size, bytes, scratch, Full::Other(Opened { format, decoder, mend })))
}

impl Opened<'_> {
    pub(super) fn decode_into(
        self,
        raw: (&mut Vec<u8>, usize),
        rgb: &mut [u8],
    ) -> Result<Extent, PictureError> {
        decode((self.format, &self.mend), self.decoder, raw, rgb)?;
        Ok(Extent::Whole)
    }
}

fn decode(
    (format, mend): (ImageFormat, &Mend),
    decoder: Box<dyn ImageDecoder + '_>,
    (raw, kept): (&mut Vec<u8>, usize),
    rgb: &mut [u8],
) -> Result<(), PictureError> {
    let color = decoder.color_type();
    if color == ColorType::Rgb8 {
        decoder.read_image_boxed(rgb).map_err(refused)?;
        if let Mend::Bits(bits) = mend {
            move_up(rgb, *bits);
        }
        recolour(mend, rgb);
        return Ok(());
    }
    let depth16 = match format {
        ImageFormat::Tiff => Depth16::Rounded,
        _ => Depth16::HighByte,
    };
    resize(raw, decoder.total_bytes(), kept)?;
    decoder.read_image_boxed(raw).map_err(refused)?;
    if !to_rgb(color, depth16, raw, rgb) {
        return Err(PictureError::Broken(format!("pixels of type {color:?} are not supported")));
    }
    if *mend == Mend::Multiply {
        multiply(color, raw, rgb);
    }
    recolour(mend, rgb);
    Ok(())
}

/// Puts the colours in place of the numbers that stand for them.
fn recolour(mend: &Mend, rgb: &mut [u8]) {
    if let Mend::Colours(colours) = mend {
        rgb.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = colours.rgb(*pixel));
    }
}

/// Multiplies `rgb` by the alpha of `raw`.
fn multiply(color: ColorType, raw: &[u8], rgb: &mut [u8]) {
    let size = usize::from(color.bytes_per_pixel());
    for (to, from) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(raw.chunks_exact(size)) {
        let alpha = match color {
            ColorType::Rgba8 => from[3],
            ColorType::Rgba16 => Depth16::Rounded.byte(from, 3),
            _ => return,
        };
        *to = to.map(|value| ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8);
    }
}

/// The file, with the first frame of an animated WebP marked as one that is not blended with what lies below.
fn unblended(format: ImageFormat, file: &[u8]) -> Cow<'_, [u8]> {
    const FLAGS: usize = 8 + 15;
    const NOT_BLENDED: u8 = 2;
    let mut at = 12;
    while let (ImageFormat::WebP, Some(&[a, b, c, d, e, f, g, h])) =
        (format, file.get(at..).and_then(|rest| rest.first_chunk::<8>()))
    {
        if [a, b, c, d] == *b"ANMF" && at + FLAGS < file.len() {
            let mut copy = file.to_vec();
            copy[at + FLAGS] |= NOT_BLENDED;
            return Cow::Owned(copy);
        }
        let length = u64::from(u32::from_le_bytes([e, f, g, h]));
        let next = at as u64 + 8 + length.next_multiple_of(2);
        at = usize::try_from(next).unwrap_or(usize::MAX);
    }
    Cow::Borrowed(file)
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
