//! A batch of decoded pictures, packed as the describe stage reads them.

/// Where one picture lies in the packed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// First byte; a multiple of 4, so that a GPU can read words.
    pub(crate) start: usize,
    /// Number of pixels, 3 bytes each.
    pub(crate) pixels: usize,
}

/// There is no memory for a picture of so many pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no memory for so many pixels")]
pub struct NoRoom;

impl From<NoRoom> for String {
    fn from(problem: NoRoom) -> Self {
        format!("{problem}; use fewer threads, or scale the picture down")
    }
}

/// Pictures of any sizes, R G B bytes without gaps, one behind the other. Width and height do not
/// matter to a histogram, only how many pixels there are.
#[derive(Debug, Clone)]
pub struct Pictures {
    /// What earlier batches left stays behind `used`: clearing room that a decoder is about to fill costs some per cent of decoding.
    bytes: Vec<u8>,
    used: usize,
    spans: Vec<Span>,
    kept: usize,
}

impl Default for Pictures {
    fn default() -> Self {
        const KEPT: usize = 64 << 20;
        Self { bytes: Vec::new(), used: 0, spans: Vec::new(), kept: KEPT }
    }
}

impl PartialEq for Pictures {
    fn eq(&self, other: &Self) -> bool {
        self.spans == other.spans && self.bytes() == other.bytes()
    }
}

impl Eq for Pictures {}

impl Pictures {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more picture: `rgb` holds 3 bytes a pixel.
    ///
    /// # Panics
    /// The last pixel is not whole.
    pub fn push(&mut self, rgb: &[u8]) {
        assert_eq!(rgb.len() % 3, 0, "R G B bytes come in threes");
        let room = self.room(rgb.len());
        room.copy_from_slice(rgb);
        self.take(rgb.len() / 3);
    }

    /// One more picture of `pixels` pixels, whose R G B bytes `fill` writes to where they are to lie: all of them, as the room is not
    /// cleared. Where `fill` fails, nothing is added.
    ///
    /// # Errors
    /// Those of `fill`; before it is called, that there is no memory for so many pixels.
    pub fn push_with<E: From<NoRoom>>(
        &mut self,
        pixels: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let bytes = pixels.checked_mul(3).ok_or(NoRoom)?;
        let end = self.used.checked_add(bytes).and_then(|end| end.checked_add(3)).ok_or(NoRoom)?;
        if end > self.bytes.capacity() && self.used == 0 {
            // Nothing to copy, and no need to have the old memory and the new at a time.
            self.bytes = Vec::new();
        }
        // Not more than is needed, as one picture may be most of the memory there is; small batches reach their size anyway.
        self.bytes.try_reserve_exact(end.saturating_sub(self.bytes.len())).map_err(|_| NoRoom)?;
        fill(self.room(bytes))?;
        self.take(pixels);
        Ok(())
    }

    /// Where the next picture is to lie.
    fn room(&mut self, bytes: usize) -> &mut [u8] {
        let end = self.used + bytes;
        if self.bytes.len() < end.next_multiple_of(4) {
            self.bytes.resize(end.next_multiple_of(4), 0);
        }
        &mut self.bytes[self.used..end]
    }

    /// Adds the picture that was written there.
    fn take(&mut self, pixels: usize) {
        self.spans.push(Span { start: self.used, pixels });
        let end = self.used + 3 * pixels;
        self.used = end.next_multiple_of(4);
        self.bytes[end..self.used].fill(0);
    }

    /// How many pictures there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes held, padding included.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.used
    }

    /// R G B bytes of picture `i`.
    #[must_use]
    pub fn rgb(&self, i: usize) -> &[u8] {
        let Span { start, pixels } = self.spans[i];
        &self.bytes[start..start + 3 * pixels]
    }

    /// Sets how many bytes an emptied batch keeps for the next; 64 MiB where nothing is set.
    pub fn keep(&mut self, bytes: usize) {
        self.kept = bytes;
    }

    /// Whether the batch should be handed on, of which `most` bytes are enough: one more picture as large as those before it may
    /// still come to lie in the memory that is kept.
    #[must_use]
    pub fn is_full(&self, most: usize) -> bool {
        self.used >= most.min(self.kept / 2)
    }

    /// Takes all pictures out and keeps the memory, unless one very large picture made it large.
    pub fn clear(&mut self) {
        self.used = 0;
        self.spans.clear();
        if self.bytes.capacity() > self.kept {
            self.bytes = Vec::new();
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pixels: usize, value: u8) -> impl FnOnce(&mut [u8]) -> Result<(), NoRoom> {
        move |room| {
            assert_eq!(room.len(), 3 * pixels);
            room.fill(value);
            Ok(())
        }
    }

    #[test]
    fn what_is_written_in_place_is_what_is_pushed() {
        let (mut pushed, mut written) = (Pictures::new(), Pictures::new());
        for round in 0..3 {
            for pixels in [1, 2, 4, 0, 700] {
                pushed.push(&vec![round; 3 * pixels]);
                written.push_with(pixels, filled(pixels, round)).unwrap();
            }
            assert_eq!(pushed, written);
            assert_eq!(pushed.byte_len(), pushed.bytes().len());
            // A batch that held more before is the same batch: what is left of it does not count.
            written.clear();
            written.push_with(900, filled(900, 0xEE)).unwrap();
            written.clear();
            pushed.clear();
            assert!(written.is_empty() && written.byte_len() == 0);
        }
    }

    #[test]
    fn a_picture_that_fails_is_taken_back() {
        let mut pictures = Pictures::new();
        pictures.push(&[1, 2, 3]);
        let before = pictures.clone();
        let fails = |room: &mut [u8]| {
            room.fill(9);
            Err(NoRoom)
        };
        assert_eq!(pictures.push_with(500, fails), Err(NoRoom));
        assert_eq!(pictures.push_with(usize::MAX / 2, filled(0, 0)), Err(NoRoom));
        assert_eq!(pictures.push_with(usize::MAX / 7, filled(0, 0)), Err(NoRoom));
        assert_eq!(pictures, before);
        pictures.push(&[4, 5, 6]);
        assert_eq!(pictures.bytes(), [1, 2, 3, 0, 4, 5, 6, 0]);
    }
}
