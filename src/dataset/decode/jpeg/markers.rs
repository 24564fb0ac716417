//! What the markers of a JPEG tell before it is decoded.

use crate::dataset::decode::error::broken;
use crate::dataset::decode::{PictureError, check_size};

/// A picture in more scans than this is refused: each goes over all of its blocks, be it only to find nothing in them. Encoders write ten
/// or so.
pub(super) const MOST_SCANS: u32 = 100;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Markers {
    /// Whether the file ends before its end marker.
    pub(super) cut_off: bool,
    /// The marker that says how it is coded; 0 where there is none.
    process: u8,
    /// Bits of a sample.
    bits: u8,
    /// Columns and rows.
    size: (u16, u16),
    /// Grey has 1, colour 3, CMYK 4.
    pub(super) components: u8,
    /// Whether brightness, the first component, has fewer samples than another.
    pub(super) coarse: bool,
    /// How many scans there are.
    scans: u32,
    /// Whether there is a byte of coded pixels.
    pub(super) pixels: bool,
    /// Whether a scan names tables that there cannot be.
    tables: bool,
    /// Whether a decoder keeps the coefficients of the whole picture: pixels come in several passes.
    pub(super) passes: bool,
}

const START: std::ops::RangeInclusive<u8> = 0xC0..=0xCF;
const NO_START: [u8; 3] = [0xC4, 0xC8, 0xCC];
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;

impl Markers {
    /// Takes what the header of the picture says.
    fn frame(&mut self, marker: u8, header: &[u8]) {
        self.process = marker;
        self.passes |= !matches!(marker, 0xC0 | 0xC1);
        let &[bits, a, b, c, d, components, ref rest @ ..] = header else { return };
        (self.bits, self.components) = (bits, components);
        self.size = (u16::from_be_bytes([c, d]), u16::from_be_bytes([a, b]));
        let mut samplings =
            rest.as_chunks::<3>().0.iter().take(usize::from(components)).map(|[_, s, _]| [s >> 4, s & 15]);
        let first = samplings.next().unwrap_or_default();
        self.coarse = samplings.any(|[h, v]| h > first[0] || v > first[1]);
    }

    /// Takes what the header of a scan says.
    fn scan(&mut self, header: &[u8]) {
        self.scans = self.scans.saturating_add(1);
        let Some((&count, rest)) = header.split_first() else { return };
        self.passes |= count < self.components;
        let Some(&[start, end]) = rest.get(2 * usize::from(count)..).and_then(|rest| rest.first_chunk::<2>())
        else {
            return;
        };
        for [_, tables] in rest.as_chunks::<2>().0.iter().take(usize::from(count)) {
            self.tables |= start == 0 && tables >> 4 > 3 || end > 0 && tables & 15 > 3;
        }
    }

    /// Fails where the picture is too large, of a kind that is not decoded, or would take longer than its size and pixels tell.
    pub(super) fn check(&self, max_pixels: u64) -> Result<(), PictureError> {
        let kind = match self.process {
            // The decoder has more to say.
            0 => return Ok(()),
            0xC3 => "a lossless JPEG",
            0xC5..=0xC7 | 0xCD..=0xCF => "a hierarchical JPEG",
            0xCB => "a lossless JPEG with arithmetic coding",
            0xC9 | 0xCA if cfg!(not(feature = "libjpeg-turbo")) => {
                "a JPEG with arithmetic coding; save it anew, or build huemax with the feature libjpeg-turbo"
            }
            _ if self.bits == 12 => "a JPEG of 12 bits",
            _ if self.components == 2 => "a JPEG of two components",
            _ if self.size.1 == 0 => "a JPEG whose header declares no height",
            _ if self.tables => "a scan names Huffman tables that there cannot be",
            _ if self.scans > MOST_SCANS => {
                return Err(broken(&format!(
                    "a JPEG in {} scans, more than the {MOST_SCANS} that are decoded; save it anew",
                    self.scans
                )));
            }
            _ => return check_size(self.size.0.into(), self.size.1.into(), max_pixels).map(drop),
        };
        Err(broken(kind))
    }
}

/// Walks from marker to marker, as the end of the file says nothing: what follows the end marker may be anything, such as the film of
/// a phone's moving photograph.
pub(super) fn markers(jpeg: &[u8]) -> Markers {
    let mut found = Markers { cut_off: true, ..Markers::default() };
    let mut at = 2; // behind the start marker
    loop {
        // To the next marker: in coded pixels an FF is followed by 00 or by a restart marker, D0 to D7, and any
        // number of FF may stand before a marker.
        let marker = loop {
            let Some(next) = jpeg.get(at..).and_then(|rest| memchr::memchr(0xFF, rest)) else { return found };
            at += next;
            match jpeg.get(at + 1) {
                Some(0x00 | 0x01 | 0xD0..=0xD7 | 0xFF) => at += 1,
                Some(&code) => break code,
                None => return found,
            }
        };
        if marker == END {
            found.cut_off = false;
            return found;
        }
        // A segment of its own length; the pixels of a scan follow its segment.
        let Some(&[high, low]) = jpeg.get(at + 2..at + 4) else { return found };
        if START.contains(&marker) && !NO_START.contains(&marker) && found.process == 0 {
            found.frame(marker, jpeg.get(at + 4..).unwrap_or_default());
        } else if marker == SCAN {
            found.scan(jpeg.get(at + 4..).unwrap_or_default());
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        found.pixels |= marker == SCAN && at < jpeg.len();
        if marker != SCAN && at > jpeg.len() {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment of this marker.
    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker], &length[..], content].concat()
    }

    #[test]
    fn components_and_passes_are_read_from_the_markers() {
        let frame = |start: u8, components: u8| segment(start, &[8, 0, 9, 0, 9, components]);
        let file = |start, components, in_scan: u8| {
            [
                &[0xFF, 0xD8][..],
                &frame(start, components),
                &segment(SCAN, &[in_scan]),
                &[7, 0xFF, 0, 0xFF, END],
            ]
            .concat()
        };
        let found = |start, components, in_scan| markers(&file(start, components, in_scan));
        let kind = |start, components, in_scan| {
            let found = found(start, components, in_scan);
            (found.cut_off, found.components, found.passes)
        };
        let baseline = (false, 3, false);
        assert_eq!(kind(0xC0, 3, 3), baseline);
        assert_eq!(kind(0xC2, 3, 3), (false, 3, true));
        // A scan a component, as some cameras write.
        assert_eq!(kind(0xC0, 3, 1), (false, 3, true));
        assert_eq!(kind(0xC1, 1, 1), (false, 1, false));
        assert_eq!((found(0xC0, 3, 3).size, found(0xC0, 3, 3).bits, found(0xC0, 3, 3).scans), ((9, 9), 8, 1));
        // Huffman tables are no start of a frame.
        let tables = [&[0xFF, 0xD8][..], &segment(0xC4, &[1; 20]), &[0xFF, END]].concat();
        assert_eq!(markers(&tables), Markers::default());
        let whole = file(0xC0, 3, 3);
        for cut in 2..whole.len() {
            assert!(markers(&whole[..cut]).cut_off, "{cut} bytes");
        }
    }
}
