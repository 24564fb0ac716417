//! JPEG, through zune-jpeg, which is the fastest of the well-kept decoders in Rust, or with the feature `libjpeg-turbo` through
//! that, which is what OpenCV reads with (benches/results/*-decoders.txt). Both are asked for R G B right away.

#[cfg(not(feature = "libjpeg-turbo"))]
mod cursor;
mod markers;
#[cfg(not(feature = "libjpeg-turbo"))]
mod smaller;
#[cfg(feature = "libjpeg-turbo")]
mod turbo;
#[cfg(not(feature = "libjpeg-turbo"))]
mod zune;

#[cfg(feature = "libjpeg-turbo")]
pub(super) use turbo::{Kept, Opened, open};
#[cfg(not(feature = "libjpeg-turbo"))]
pub(super) use zune::{Kept, Opened, open};

/// Whether these are the first bytes of a JPEG.
pub(super) fn is_jpeg(file: &[u8]) -> bool {
    file.starts_with(&[0xFF, 0xD8, 0xFF])
}

/// What decoders write where a file has nothing: no coefficients are this in all components.
const GREY: u8 = 128;

/// Whether nothing of a picture that is cut off was decoded.
fn is_blank(rgb: &[u8]) -> bool {
    rgb.iter().all(|&value| value == GREY)
}

/// Bytes of working memory of any decoder: tables, and some rows of `width` pixels.
fn rows(width: u32) -> u64 {
    (128 << 10) + 256 * u64::from(width)
}

/// Bytes of the coefficients of a whole picture: two for each, of whole blocks of up to 32×32 pixels, as no component has more than
/// there are pixels.
fn coefficients(width: u32, height: u32, components: u8) -> u64 {
    let padded = |side: u32| u64::from(side).next_multiple_of(32);
    2 * padded(width) * padded(height) * u64::from(components)
}
