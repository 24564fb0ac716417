//! Pixels of every kind as 8-bit RGB.

use image::ColorType;

/// How 16 bits of colour become 8; of grey it is the high byte everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth16 {
    /// The high byte, as libpng does.
    HighByte,
    /// The nearest of 255 steps, as libtiff does: `(v + 128) / 257`.
    Rounded,
}

impl Depth16 {
    pub(super) fn byte(self, pixel: &[u8], channel: usize) -> u8 {
        let at = 2 * channel;
        let value = u16::from_ne_bytes([pixel[at], pixel[at + 1]]);
        match self {
            Self::HighByte => (value >> 8) as u8,
            Self::Rounded => ((u32::from(value) + 128) / 257) as u8,
        }
    }
}

/// Writes `raw` (as the `image` crate hands out pixels of type `color`: row by row, native byte order) as
/// R G B to `rgb`, which holds as many pixels. Grey becomes three equal channels, alpha is dropped and not
/// blended, 16 bits become 8 as `depth16` says, and floats are clamped to 0…1, scaled by 255 and rounded.
/// False if the type is none of these.
pub(super) fn to_rgb(color: ColorType, depth16: Depth16, raw: &[u8], rgb: &mut [u8]) -> bool {
    let wide = |p, c| depth16.byte(p, c);
    let high = |p| Depth16::HighByte.byte(p, 0);
    match color {
        ColorType::L8 => grey(raw.iter().copied(), rgb),
        ColorType::La8 => grey(raw.chunks_exact(2).map(|p| p[0]), rgb),
        ColorType::Rgb8 => rgb.copy_from_slice(raw),
        ColorType::Rgba8 => colour(raw.chunks_exact(4).map(|p| [p[0], p[1], p[2]]), rgb),
        ColorType::L16 => grey(raw.chunks_exact(2).map(high), rgb),
        ColorType::La16 => grey(raw.chunks_exact(4).map(high), rgb),
        ColorType::Rgb16 => colour(raw.chunks_exact(6).map(|p| [0, 1, 2].map(|c| wide(p, c))), rgb),
        ColorType::Rgba16 => colour(raw.chunks_exact(8).map(|p| [0, 1, 2].map(|c| wide(p, c))), rgb),
        ColorType::Rgb32F => colour(raw.chunks_exact(12).map(|p| [0, 1, 2].map(|c| float(p, c))), rgb),
        ColorType::Rgba32F => colour(raw.chunks_exact(16).map(|p| [0, 1, 2].map(|c| float(p, c))), rgb),
        _ => return false,
    }
    true
}

fn grey(values: impl Iterator<Item = u8>, rgb: &mut [u8]) {
    for (pixel, value) in rgb.chunks_exact_mut(3).zip(values) {
        pixel.fill(value);
    }
}

fn colour(values: impl Iterator<Item = [u8; 3]>, rgb: &mut [u8]) {
    for (pixel, value) in rgb.chunks_exact_mut(3).zip(values) {
        pixel.copy_from_slice(&value);
    }
}

fn float(pixel: &[u8], channel: usize) -> u8 {
    let at = 4 * channel;
    let value = f32::from_ne_bytes([pixel[at], pixel[at + 1], pixel[at + 2], pixel[at + 3]]);
    // The cast takes NaN to 0.
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb_of(color: ColorType, raw: &[u8]) -> Vec<u8> {
        let mut rgb = vec![0xAA; raw.len() / usize::from(color.bytes_per_pixel()) * 3];
        assert!(to_rgb(color, Depth16::HighByte, raw, &mut rgb));
        rgb
    }

    fn bytes16(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_ne_bytes()).collect()
    }

    fn bytes32(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_ne_bytes()).collect()
    }

    #[test]
    fn eight_bits() {
        assert_eq!(rgb_of(ColorType::L8, &[7, 9]), [7, 7, 7, 9, 9, 9]);
        assert_eq!(rgb_of(ColorType::La8, &[7, 0, 9, 255]), [7, 7, 7, 9, 9, 9]);
        assert_eq!(rgb_of(ColorType::Rgb8, &[1, 2, 3, 4, 5, 6]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(rgb_of(ColorType::Rgba8, &[1, 2, 3, 0, 4, 5, 6, 9]), [1, 2, 3, 4, 5, 6]);
    }

    /// 0x12FF would round to 0x13, and 255/257 scaling would give 0x13 as well.
    #[test]
    fn sixteen_bits_keep_the_high_byte() {
        assert_eq!(rgb_of(ColorType::L16, &bytes16(&[0x12FF])), [0x12; 3]);
        assert_eq!(rgb_of(ColorType::La16, &bytes16(&[0x12FF, 0x3456])), [0x12; 3]);
        assert_eq!(rgb_of(ColorType::Rgb16, &bytes16(&[0x12FF, 0x00FF, 0xFF00])), [0x12, 0, 0xFF]);
        let raw = bytes16(&[0x12FF, 0x00FF, 0xFF00, 0x0000, 1, 0x0100, 0x7FFF, 9]);
        assert_eq!(rgb_of(ColorType::Rgba16, &raw), [0x12, 0, 0xFF, 0, 1, 0x7F]);
    }

    #[test]
    fn sixteen_bits_of_colour_rounded() {
        let mut rgb = [0; 6];
        let raw = bytes16(&[0x0080, 0x0081, 0x12FF, 0xFF7E, 0xFF7F, 0xFFFF]);
        assert!(to_rgb(ColorType::Rgb16, Depth16::Rounded, &raw, &mut rgb));
        assert_eq!(rgb, [0, 1, 0x13, 0xFE, 0xFF, 0xFF]);
        assert!(to_rgb(ColorType::L16, Depth16::Rounded, &bytes16(&[0x12FF, 0xFFFF]), &mut rgb));
        assert_eq!(rgb, [0x12, 0x12, 0x12, 0xFF, 0xFF, 0xFF]);
    }

    #[test]
    fn floats_are_clamped_and_rounded() {
        let raw = bytes32(&[-1.0, 0.5, 2.0]);
        assert_eq!(rgb_of(ColorType::Rgb32F, &raw), [0, 128, 255]);
        let raw = bytes32(&[f32::NAN, f32::INFINITY, 1.0 / 255.0, 0.7]);
        assert_eq!(rgb_of(ColorType::Rgba32F, &raw), [0, 255, 1]);
    }
}
