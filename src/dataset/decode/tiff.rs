//! What the first chapter of a TIFF tells before it is decoded, and its decoder does not; and colours that the decoder does not know.

use std::borrow::Cow;

/// A picture in more strips or tiles than this is refused: to begin one takes as long as some thousand pixels. Large scans have some thousand.
pub(super) const MOST_PIECES: u64 = 100_000;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Chapter {
    width: u64,
    height: u64,
    bits: u64,
    samples: u64,
    compression: u64,
    /// Bytes of all strips or tiles.
    data: u64,
    /// Strips or tiles.
    pub(super) pieces: u64,
    /// Whether a field that decoders read claims more values than the file has bytes: they would make room for them all.
    pub(super) too_long: bool,
    /// Whether colours are to be multiplied by alpha, as libtiff does for everybody who asks it for R G B.
    pub(super) multiply: bool,
    /// What the numbers of a pixel mean, and where that is written in two bytes.
    colour: u64,
    colour_at: u64,
    /// Where the palette begins, and how many numbers it has.
    palette: (u64, u64),
    tiled: bool,
    planes: bool,
    /// Whether the first pixel of a byte is in its lowest bit, as fax machines send them.
    reversed: bool,
}

/// Meanings of the numbers of a pixel: the greater the brighter.
const GREY: u8 = 1;
/// Red, green, blue.
const RGB: u8 = 2;
/// The number of a colour in a palette.
const PALETTE: u64 = 3;
/// Brightness, and what blue and red have beyond it.
const YCBCR: u64 = 6;
/// Packed as JPEG.
const JPEG: u64 = 7;

/// Colours that the decoder does not know: it is told that they are others, and these come of what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Colours {
    /// As many as can be told apart by the numbers that it takes for grey.
    Palette(Vec<[u8; 3]>),
    /// It takes them for R G B.
    YCbCr,
}

/// Whether these are the first bytes of a BigTIFF.
pub(super) fn is_big(file: &[u8]) -> bool {
    file.starts_with(b"II\x2b\0") || file.starts_with(b"MM\0\x2b")
}

/// A file whose numbers have an order of bytes, and places a width.
#[derive(Clone, Copy)]
struct Words<'a> {
    file: &'a [u8],
    little: bool,
    big: bool,
}

impl Words<'_> {
    /// The unsigned number in `bytes` bytes at `at`.
    fn number(self, at: u64, bytes: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let found = self.file.get(at..at.checked_add(bytes as usize)?)?.iter();
        let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        Some(if self.little { found.rev().fold(0, add) } else { found.fold(0, add) })
    }

    /// A number that is a place or a count in the file.
    fn place(self, at: u64) -> Option<u64> {
        self.number(at, if self.big { 8 } else { 4 })
    }
}

impl Chapter {
    /// Reads the first chapter of `file`, as far as it is there.
    pub(super) fn read(file: &[u8]) -> Self {
        let mut found = Self { bits: 1, samples: 1, ..Self::default() };
        found.entries(Words { file, little: file.starts_with(b"II"), big: is_big(file) });
        found
    }

    fn entries(&mut self, words: Words<'_>) -> Option<()> {
        let (first, entry, place) = if words.big { (8, 20, 8) } else { (4, 12, 4) };
        let chapter = words.place(first)?;
        let (count, entries) = match words.big {
            true => (words.place(chapter)?, chapter.checked_add(8)?),
            false => (words.number(chapter, 2)?, chapter.checked_add(2)?),
        };
        // Before anything else: what is wrong with one field must not hide what another one claims.
        for i in 0..count {
            let at = entries.checked_add(i.checked_mul(entry)?)?;
            let Some((tag, many)) = words.number(at, 2).zip(words.place(at + 4)) else { break };
            // Tags of the standard; what others mean by theirs nobody reads.
            if (254..=347).contains(&tag) && many > words.file.len() as u64 {
                self.too_long = true;
                return None;
            }
        }
        let (mut alpha, mut summed) = (0, false);
        // What is not there ends this; a file has no more entries than bytes.
        for i in 0..count {
            let at = entries.checked_add(i.checked_mul(entry)?)?;
            let (tag, kind) = (words.number(at, 2)?, words.number(at + 2, 2)?);
            let many = words.place(at + 4)?;
            if matches!(tag, 273 | 279 | 324 | 325) {
                self.pieces = self.pieces.max(many);
            }
            let size = match kind {
                3 => 2,
                4 => 4,
                16 => 8,
                _ => continue,
            };
            let value = at + 4 + place;
            let from = if many.checked_mul(size)? <= place { value } else { words.place(value)? };
            let first = words.number(from, size);
            match tag {
                256 => self.width = first?,
                257 => self.height = first?,
                258 => self.bits = first?,
                259 => self.compression = first?,
                262 => (self.colour, self.colour_at) = (first?, if kind == 3 { from } else { 0 }),
                266 => self.reversed = first? == 2,
                277 => self.samples = first?,
                // Once: a file may have as many of them as it likes.
                279 | 325 if !summed => {
                    summed = true;
                    let all =
                        (0..many).map_while(|i| words.number(from.checked_add(i.checked_mul(size)?)?, size));
                    self.data = all.fold(0, u64::saturating_add);
                }
                284 => self.planes = first? == 2,
                320 if kind == 3 => self.palette = (from, many),
                322 => self.tiled = true,
                338 => alpha = first?,
                _ => {}
            }
            self.multiply = alpha == 2 && self.colour == u64::from(RGB) && self.samples == 4;
        }
        Some(())
    }

    /// Columns and rows that are declared, as far as any can be.
    pub(super) fn size(&self) -> (u32, u32) {
        [self.width, self.height].map(|side| u32::try_from(side).unwrap_or(u32::MAX)).into()
    }

    /// Whether so few bytes can become so many pixels: of how many at most one can be made depends on how they are packed, and is
    /// nowhere more than this.
    pub(super) fn can_be(&self) -> bool {
        const MOST_FROM_A_BYTE: u64 = 4096;
        let most = if self.compression == 1 { 1 } else { MOST_FROM_A_BYTE };
        let pixels = self.width.saturating_mul(self.height);
        pixels.saturating_mul(self.bits.saturating_mul(self.samples)) / 8
            <= self.data.saturating_mul(most) + 64
    }

    /// What the decoder would read as something else, or give up on.
    pub(super) fn beyond(&self) -> Option<&'static str> {
        if self.tiled && self.planes && self.samples > 1 {
            return Some("tiles that have one colour each are not supported");
        }
        (self.reversed && self.compression != JPEG)
            .then_some("bytes whose bits are in reverse order (FillOrder 2) are not supported")
    }

    /// Colours of `file` that its decoder does not know, and the file with others in their place, if there are such that can be mended.
    pub(super) fn colours<'a>(&self, file: &'a [u8]) -> Option<(Colours, Cow<'a, [u8]>)> {
        let words = Words { file, little: file.starts_with(b"II"), big: is_big(file) };
        let (colours, other) = match (self.colour, self.samples, self.bits) {
            (PALETTE, 1, 1 | 8) => (Colours::Palette(self.palette(words)?), GREY),
            (YCBCR, 3, 8) if self.compression == JPEG => (Colours::YCbCr, RGB),
            _ => return None,
        };
        let at = usize::try_from(self.colour_at).ok().filter(|&at| at > 0)?;
        let mut copy = file.to_vec();
        copy.get_mut(at..at + 2)?.copy_from_slice(&match words.little {
            true => [other, 0],
            false => [0, other],
        });
        Some((colours, Cow::Owned(copy)))
    }

    /// The colours by number, as libtiff takes them: of 16 bits the upper 8, and of a palette whose numbers are all small those.
    fn palette(&self, words: Words<'_>) -> Option<Vec<[u8; 3]>> {
        let count = 1 << self.bits;
        let (from, many) = self.palette;
        if many < 3 * count {
            return None;
        }
        let all: Vec<u64> = (0..3 * count).map(|i| words.number(from + 2 * i, 2)).collect::<Option<_>>()?;
        let shift = if all.iter().any(|&value| value > 255) { 8 } else { 0 };
        let count = count as usize;
        let colour = |i: usize| [0, 1, 2].map(|c| (all[c * count + i] >> shift) as u8);
        Some((0..count).map(colour).collect())
    }
}

impl Colours {
    /// The colours that these three numbers, which the decoder took for R G B, stand for.
    pub(super) fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        match self {
            // A bit comes as 0 or 255.
            Self::Palette(colours) => colours[usize::from(y).min(colours.len() - 1)],
            // As libjpeg does it: 16 bits behind the point.
            Self::YCbCr => {
                let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
                let colour = |scaled: i32| (y + ((scaled + (1 << 15)) >> 16)).clamp(0, 255) as u8;
                [colour(91_881 * cr), colour(-22_554 * cb - 46_802 * cr), colour(116_130 * cb)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Decoder;

    /// A little-endian TIFF of one strip: numbers of 16 bits by tag, and the words of a palette behind the pixels.
    fn tiff(entries: &[(u16, u16)], pixels: &[u8], palette: &[u16]) -> Vec<u8> {
        let (first, padded) = (8u32, pixels.len().next_multiple_of(2));
        let words = first + padded as u32;
        let mut all: Vec<(u16, u16, u32, u32)> = entries.iter().map(|&(t, v)| (t, 3, 1, v.into())).collect();
        all.extend([(273, 4, 1, first), (279, 4, 1, pixels.len() as u32)]);
        if !palette.is_empty() {
            all.push((320, 3, palette.len() as u32, words));
        }
        all.sort_unstable();
        let mut file = b"II\x2a\0".to_vec();
        file.extend((words + 2 * palette.len() as u32).to_le_bytes());
        file.extend(pixels);
        file.resize(words as usize, 0);
        palette.iter().for_each(|word| file.extend(word.to_le_bytes()));
        file.extend((all.len() as u16).to_le_bytes());
        for (tag, kind, many, value) in all {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(many.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend([0; 4]);
        file
    }

    fn grey(bits: u16, colour: u16, more: &[(u16, u16)]) -> Vec<(u16, u16)> {
        let about = [(256, 4), (257, 1), (258, bits), (259, 1), (262, colour), (277, 1), (278, 1)];
        [&about[..], more].concat()
    }

    fn pixels(file: &[u8]) -> Result<Vec<u8>, String> {
        Decoder::default().read_bytes(file).map(|read| read.rgb.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn palettes_are_looked_up() {
        let words = |scale: u16| (0..768).map(|i| scale * (i % 251)).collect::<Vec<u16>>();
        let expected: Vec<u8> = [3, 0, 255, 7]
            .iter()
            .flat_map(|&i: &u16| [i, 256 + i, 512 + i].map(|w| (w % 251) as u8))
            .collect();
        for scale in [1, 256] {
            let file = tiff(&grey(8, 3, &[]), &[3, 0, 255, 7], &words(scale));
            assert_eq!(pixels(&file).unwrap(), expected, "times {scale}");
        }
        let file = tiff(&grey(1, 3, &[]), &[0b0110_0000], &[0, 0xFF00, 0x1100, 0x2200, 0, 0x9900]);
        let (off, on) = ([0, 0x11, 0], [0xFF, 0x22, 0x99]);
        assert_eq!(pixels(&file).unwrap(), [off, on, on, off].concat());
        let cut = tiff(&grey(8, 3, &[]), &[3, 0, 255, 7], &words(1)[..700]);
        assert!(pixels(&cut).unwrap_err().contains("RGBPalette"));
    }

    #[test]
    fn what_would_be_read_wrongly_is_named() {
        let reversed = tiff(&grey(8, 1, &[(266, 2)]), &[1, 2, 3, 4], &[]);
        assert!(pixels(&reversed).unwrap_err().contains("FillOrder 2"));
        assert!(pixels(&tiff(&grey(8, 1, &[(266, 1)]), &[1, 2, 3, 4], &[])).is_ok());
    }

    #[test]
    fn brightness_and_colour_differences_become_colours() {
        // To within half a level of the real formula (ITU-R BT.601, as JFIF has it).
        for [y, cb, cr] in
            [[0, 0, 0], [255, 255, 255], [128, 128, 128], [76, 85, 255], [150, 44, 21], [29, 255, 107]]
        {
            let (l, b, r) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
            let exact = [l + 1.402 * r, l - 0.344_136 * b - 0.714_136 * r, l + 1.772 * b];
            for (found, exact) in Colours::YCbCr.rgb([y, cb, cr]).into_iter().zip(exact) {
                assert!(
                    (f64::from(found) - exact.clamp(0.0, 255.0)).abs() <= 0.501,
                    "{y} {cb} {cr}: {found}, {exact}"
                );
            }
        }
    }
}
