//! What the markers of a JPEG tell before it is decoded.

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Markers {
    /// Whether the file ends before its end marker.
    pub(super) cut_off: bool,
    /// Grey has 1, colour 3, CMYK 4.
    pub(super) components: u8,
    /// Whether a decoder keeps the coefficients of the whole picture: pixels come in several passes.
    pub(super) passes: bool,
}

const START: std::ops::RangeInclusive<u8> = 0xC0..=0xCF;
const NO_START: [u8; 3] = [0xC4, 0xC8, 0xCC];
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;

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
        if START.contains(&marker) && !NO_START.contains(&marker) {
            found.components = jpeg.get(at + 9).copied().unwrap_or(0);
            found.passes |= !matches!(marker, 0xC0 | 0xC1);
        } else if marker == SCAN {
            found.passes |= jpeg.get(at + 4).is_some_and(|&here| here < found.components);
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
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
        let baseline = Markers { cut_off: false, components: 3, passes: false };
        assert_eq!(found(0xC0, 3, 3), baseline);
        assert_eq!(found(0xC2, 3, 3), Markers { passes: true, ..baseline });
        // A scan a component, as some cameras write.
        assert_eq!(found(0xC0, 3, 1), Markers { passes: true, ..baseline });
        assert_eq!(found(0xC1, 1, 1), Markers { components: 1, ..baseline });
        // Huffman tables are no start of a frame.
        let tables = [&[0xFF, 0xD8][..], &segment(0xC4, &[1; 20]), &[0xFF, END]].concat();
        assert_eq!(markers(&tables), Markers { cut_off: false, components: 0, passes: false });
        let whole = file(0xC0, 3, 3);
        for cut in 2..whole.len() {
            assert!(markers(&whole[..cut]).cut_off, "{cut} bytes");
        }
    }
}
