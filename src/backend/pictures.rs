//! A batch of decoded pictures, packed as the describe stage reads them.

/// Where one picture lies in the packed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// First byte; a multiple of 4, so that a GPU can read words.
    pub(crate) start: usize,
    /// Number of pixels, 3 bytes each.
    pub(crate) pixels: usize,
}

/// Pictures of any sizes, R G B bytes without gaps, one behind the other. Width and height do not
/// matter to a histogram, only how many pixels there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pictures {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Pictures {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more picture: `rgb` holds 3 bytes a pixel. A trailing incomplete pixel is a caller's mistake, and panics.
    pub fn push(&mut self, rgb: &[u8]) {
        assert_eq!(rgb.len() % 3, 0, "R G B bytes come in threes");
        self.spans.push(Span { start: self.bytes.len(), pixels: rgb.len() / 3 });
        self.bytes.extend_from_slice(rgb);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
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
        self.bytes.len()
    }

    /// R G B bytes of picture `i`.
    #[must_use]
    pub fn rgb(&self, i: usize) -> &[u8] {
        let Span { start, pixels } = self.spans[i];
        &self.bytes[start..start + 3 * pixels]
    }

    /// Takes all pictures out and keeps the memory, unless one very large picture made it large.
    pub fn clear(&mut self) {
        const KEPT: usize = 64 << 20;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.spans.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }
}
