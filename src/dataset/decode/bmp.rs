//! What the header of a BMP tells before it is decoded, and its decoder does not, or reads in another way than OpenCV.

use super::PictureError;
use super::error::broken;

/// The number of four bytes at `at`.
fn word(file: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?))
}

/// Width and height as a header of version 3 and later declares them.
pub(super) fn size(file: &[u8]) -> Option<(u32, u32)> {
    // Signed: a negative height only says that rows go down.
    let side = |at| Some(word(file, at)?.cast_signed().unsigned_abs());
    (word(file, 14)? >= 40).then(|| Some((side(18)?, side(22)?))).flatten()
}

/// Bits of the colours of a file that has fewer than 8 of each, if so.
///
/// # Errors
/// Its pixels are not all there; they are packed in a way that OpenCV and the decoder understand differently.
pub(super) fn check(file: &[u8]) -> Result<Option<[u8; 3]>, PictureError> {
    let at = |at| word(file, at).map(u64::from);
    let (Some(offset), Some(bits), Some(packed), Some((width, height))) =
        (at(10), at(28).map(|word| word & 0xFFFF), at(30), size(file))
    else {
        return Ok(None);
    };
    let pitch = (u64::from(width) * bits).div_ceil(32) * 4;
    if matches!(packed, 0 | 3) && offset + pitch * u64::from(height) > file.len() as u64 {
        return Err(PictureError::Truncated);
    }
    let masks = [54, 58, 62].map(at);
    match (bits, packed, masks) {
        (32, 3, [Some(red), Some(green), Some(blue)]) => {
            let whole = |mask| [0xFF, 0xFF00, 0xFF_0000, 0xFF00_0000].contains(&mask);
            if ![red, green, blue].into_iter().all(whole) {
                return Err(broken("colours that are not a byte each are not supported"));
            }
            Ok(None)
        }
        (8, 1, _) | (4, 2, _) => {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let painted = painted(file.get(from..).unwrap_or_default(), bits == 4, width);
            if painted < u64::from(width) * u64::from(height) {
                return Err(broken("not all of its pixels are painted"));
            }
            Ok(None)
        }
        (16, 0, _) => Ok(Some([5, 5, 5])),
        (16, 3, [_, Some(0x7E0), _]) => Ok(Some([5, 6, 5])),
        (16, 3, [_, Some(0x3E0), _]) => Ok(Some([5, 5, 5])),
        _ => Ok(None),
    }
}

/// How many pixels of rows of `width` are painted by `runs` (RLE4, with two pixels a byte, or RLE8), up to where they end or leave some out.
fn painted(runs: &[u8], halves: bool, width: u32) -> u64 {
    let (mut painted, mut x, mut at) = (0, 0, 0);
    while let Some(&[count, value]) = runs.get(at..at + 2) {
        at += 2;
        let many = match (count, value) {
            // The end of a row. A run that goes beyond it is cut off.
            (0, 0) if x >= width => {
                painted += u64::from(width);
                x = 0;
                continue;
            }
            // Rows and pictures that end early, and jumps.
            (0, 0..=2) => break,
            (0, many) => {
                let bytes = if halves { usize::from(many).div_ceil(2) } else { usize::from(many) };
                at += bytes.next_multiple_of(2);
                many
            }
            (many, _) => many,
        };
        x = x.saturating_add(u32::from(many));
    }
    painted + u64::from(x.min(width))
}

/// Of colours that were stretched from so many bits to 0…255, those bits, and zeros behind them.
pub(super) fn move_up(rgb: &mut [u8], bits: [u8; 3]) {
    for pixel in rgb.as_chunks_mut::<3>().0 {
        for (value, bits) in pixel.iter_mut().zip(bits) {
            let most = (1u32 << bits) - 1;
            *value = (((u32::from(*value) * most + 127) / 255) << (8 - bits)) as u8;
        }
    }
}
