//! What the first chapter of a TIFF tells before it is decoded, and its decoder does not; and colours that the decoder does not know.

use std::borrow::Cow;

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
        let (mut alpha, mut summed) = (0, false);
        // What is not there ends this; a file has no more entries than bytes.
        for i in 0..count {
            let at = entries.checked_add(i.checked_mul(entry)?)?;
            let (tag, kind) = (words.number(at, 2)?, words.number(at + 2, 2)?);
            let many = words.place(at + 4)?;
            // Tags of the standard; what others mean by theirs nobody reads.
            if (254..=347).contains(&tag) && many > words.file.len() as u64 {
                self.too_long = true;
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
