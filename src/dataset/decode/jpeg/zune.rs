//! JPEG through zune-jpeg: pure Rust.

use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::cursor::Cursor;
use super::markers::{MOST_SCANS, markers};
use super::{GREY, coefficients, is_blank, rows, smaller};
use crate::dataset::decode::error::broken;
use crate::dataset::decode::scale::means;
use crate::dataset::decode::{Coded, Extent, Opened as Picture, PictureError, Scratch, check_size, resize};

/// Nothing is kept from picture to picture: the decoder has no way to take its buffers back.
pub(in crate::dataset::decode) type Kept = ();

/// A picture whose header was read.
pub(in crate::dataset::decode) struct Opened<'a> {
    file: &'a [u8],
    decoder: JpegDecoder<Cursor<'a>>,
    scratch: &'a mut Scratch,
    size: (u32, u32),
    /// Whether the scaled decoder is to do it.
    smaller: bool,
    cut_off: bool,
}

/// Reads the header.
pub(in crate::dataset::decode) fn open<'a>(
    file: &'a [u8],
    scratch: &'a mut Scratch,
    max_pixels: u64,
) -> Result<Picture<'a>, PictureError> {
    let found = markers(file);
    found.check(max_pixels)?;
    if found.cut_off && !found.pixels {
        return Err(PictureError::Truncated);
    }
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_strict_mode(false)
        .jpeg_set_max_scans(MOST_SCANS as usize)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(file), options);
    decoder.decode_headers().map_err(|e| broken(&e.to_string()))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| broken("it has no header"))?;
    let size = (width as u32, height as u32);
    let pixels = check_size(size.0, size.1, max_pixels)?;
    if found.cut_off && !scratch.keep_cut_off {
        return Err(PictureError::Truncated);
    }
    let (components, passes) = (found.components, found.passes);
    // Brightness that is coarser than colours zune-jpeg gets wrong.
    let coarse = found.coarse && components == 3;
    if coarse && found.cut_off {
        return Err(broken(
            "the file is cut off, and of one whose brightness is sampled more coarsely than its colours nothing is kept; copy it again",
        ));
    }
    let smaller = coarse || smaller::takes(scratch.scale, components, passes) && !found.cut_off;
    let (width, height) = (size.0.div_ceil(scratch.scale), size.1.div_ceil(scratch.scale));
    let kept = if passes { coefficients(size.0, size.1, components) } else { 0 };
    let between = match (scratch.scale, smaller) {
        (1, false) => 0,
        (_, false) => 3 * pixels,
        // Its planes, padded, and its pixels.
        (_, true) => 2 * 3 * u64::from(width + 8) * u64::from(height + 8),
    };
    Ok(Picture {
        width,
        height,
        scratch: rows(size.0) + kept + between,
        coded: Coded::Jpeg(Opened { file, decoder, scratch, size, smaller, cut_off: found.cut_off }),
    })
}

impl Opened<'_> {
    pub(in crate::dataset::decode) fn decode_into(mut self, rgb: &mut [u8]) -> Result<Extent, PictureError> {
        let Scratch { scale, kept, full, .. } = self.scratch;
        if self.smaller {
            smaller::decode_into(self.file, self.size, *scale, rgb)?;
            return Ok(Extent::Whole);
        }
        let mut decode = |rgb: &mut [u8]| {
            let bytes = self.decoder.output_buffer_size();
            if bytes != Some(rgb.len()) {
                return Err(broken("its header and its pixels disagree"));
            }
            if self.cut_off {
                rgb.fill(GREY);
            }
            match self.decoder.decode_into(rgb) {
                Err(error) if !self.cut_off => Err(broken(&error.to_string())),
                _ if self.cut_off && is_blank(rgb) => Err(PictureError::Truncated),
                _ => Ok(()),
            }
        };
        let extent = Extent::of(self.cut_off);
        if *scale == 1 {
            decode(rgb)?;
            return Ok(extent);
        }
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        resize(full, 3 * (width * height) as u64, *kept)?;
        decode(full)?;
        means(full, (width, height), *scale as usize, rgb);
        Ok(extent)
    }
}
