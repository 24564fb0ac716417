//! JPEG at a fraction of its size, through jpeg-decoder: a block of 8×8 pixels is made as one of 2×2 or 1×1, from as many of its
//! coefficients.

use jpeg_decoder::{Decoder, PixelFormat};

use crate::dataset::decode::PictureError;
use crate::dataset::decode::error::broken;

/// Whether that is the faster way: at 1/2, and of pictures in several passes, decoding in full and taking means is
/// (benches/results/*-decoders.txt). CMYK this decoder leaves as it is.
pub(super) fn takes(scale: u32, components: u8, passes: bool) -> bool {
    scale >= 4 && matches!(components, 1 | 3) && !passes
}

/// Decodes `file`, of `size` in full, at 1/`scale`.
pub(super) fn decode_into(
    file: &[u8],
    size: (u32, u32),
    scale: u32,
    rgb: &mut [u8],
) -> Result<(), PictureError> {
    let refused = |error: jpeg_decoder::Error| broken(&error.to_string());
    let wanted = (size.0.div_ceil(scale) as u16, size.1.div_ceil(scale) as u16);
    let mut decoder = Decoder::new(file);
    decoder.set_max_decoding_buffer_size(rgb.len());
    decoder.read_info().map_err(refused)?;
    let about = decoder.info().ok_or_else(|| broken("it has no header"))?;
    if (u32::from(about.width), u32::from(about.height)) != size {
        return Err(broken("it declares its size twice, and not alike"));
    }
    let found = decoder.scale(wanted.0, wanted.1).map_err(refused)?;
    let pixels = decoder.decode().map_err(refused)?;
    match about.pixel_format {
        _ if found != wanted => Err(broken("it cannot be decoded at a fraction of its size")),
        PixelFormat::RGB24 if pixels.len() == rgb.len() => {
            rgb.copy_from_slice(&pixels);
            Ok(())
        }
        PixelFormat::L8 if 3 * pixels.len() == rgb.len() => {
            rgb.as_chunks_mut::<3>().0.iter_mut().zip(pixels).for_each(|(pixel, grey)| pixel.fill(grey));
            Ok(())
        }
        format => {
            Err(broken(&format!("pixels of type {format:?} are not supported at a fraction of their size")))
        }
    }
}
