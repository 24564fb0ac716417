//! What the first chapter of a TIFF tells before it is decoded, and its decoder does not.

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
        let (mut alpha, mut colour, mut summed) = (0, 0, false);
        // What is not there ends this; a file has no more entries than bytes.
        for i in 0..count {
            let at = entries.checked_add(i.checked_mul(entry)?)?;
            let (tag, kind) = (words.number(at, 2)?, words.number(at + 2, 2)?);
            let many = words.place(at + 4)?;
            // Tags of the standard; what others mean by theirs nobody reads.
            if (254..=347).contains(&tag) && many > words.file.len() as u64 {
                self.too_long = true;
            }
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
                262 => colour = first?,
                277 => self.samples = first?,
                // Once: a file may have as many of them as it likes.
                279 | 325 if !summed => {
                    summed = true;
                    let all =
                        (0..many).map_while(|i| words.number(from.checked_add(i.checked_mul(size)?)?, size));
                    self.data = all.fold(0, u64::saturating_add);
                }
                338 => alpha = first?,
                _ => {}
            }
            self.multiply = alpha == 2 && colour == 2 && self.samples == 4;
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
}
