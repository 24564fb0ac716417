//! PNG. Only the chunks that pixels come from reach the decoder: header, palette and data. So nothing beside them can be a bomb (profiles and
//! texts are never unpacked), damage in them does no harm, an animation is its still picture, and data in a million pieces are as fast as in
//! one.

use std::io::Cursor;

use png::{BitDepth, ColorType, Limits, Transformations};

use super::error::broken;
use super::{Extent, Full, PictureError, Scratch, check_size};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const HEADER: usize = 25;
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
/// Deflate makes at most this many bytes of one, and a bit.
const MOST_FROM_A_BYTE: u64 = 1040;

/// Of the seven passes of an interlaced picture: the first column and row, and how far apart they are.
const PASSES: [[usize; 4]; 7] =
    [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/// A picture whose chunks were looked at.
pub(super) struct Opened<'a> {
    chunks: Chunks<'a>,
    size: (u32, u32),
    keep: bool,
}

/// Those that pixels come from.
struct Chunks<'a> {
    header: &'a [u8],
    palette: &'a [u8],
    /// The file from its first chunk of data on; they follow each other, and may be millions.
    data: &'a [u8],
    /// Bytes of data.
    length: usize,
    /// Whether the file ends before they do.
    cut_off: bool,
}

/// Whether these are the first bytes of a PNG.
pub(super) fn is_png(file: &[u8]) -> bool {
    file.starts_with(SIGNATURE)
}

/// Looks at the header and at all chunks.
pub(super) fn open<'a>(
    file: &'a [u8],
    scratch: &'a mut Scratch,
    max_pixels: u64,
) -> Result<super::Opened<'a>, PictureError> {
    let word =
        |at: usize| file.get(at..at + 4).and_then(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
    let (Some(width), Some(height), true) = (word(16), word(20), file.get(12..16) == Some(b"IHDR")) else {
        return Err(broken("its first chunk is no header"));
    };
    let pixels = check_size(width, height, max_pixels)?;
    let Some(&[bits, color]) = file.get(24..26).and_then(|two| two.first_chunk::<2>()) else {
        return Err(PictureError::Truncated);
    };
    let mut chunks = chunks(file)?;
    if chunks.length == 0 && !chunks.cut_off {
        return Err(broken("it has no data"));
    }
    let length = chunks.length as u64;
    // Palettes have one sample a pixel, colours three; alpha is not counted.
    let bits = u64::from(bits) * if matches!(color, 2 | 6) { 3 } else { 1 };
    // What so few bytes can never become is not made room for.
    chunks.cut_off |= pixels * bits / 8 > length.saturating_mul(MOST_FROM_A_BYTE) + 64;
    if chunks.cut_off && !scratch.keep_cut_off {
        return Err(PictureError::Truncated);
    }
    let row = 8 * u64::from(width);
    let about = Opened { chunks, size: (width, height), keep: scratch.keep_cut_off };
    Ok(super::Opened::full((width, height), length + 4 * row + (256 << 10), scratch, Full::Png(about)))
}

/// Walks from chunk to chunk.
fn chunks(file: &[u8]) -> Result<Chunks<'_>, PictureError> {
    let mut found = Chunks {
        header: &file[..(8 + HEADER).min(file.len())],
        palette: &[],
        data: &[],
        length: 0,
        cut_off: true,
    };
    // Whether data may come: those behind another chunk belong to nothing.
    let (mut at, mut open) = (SIGNATURE.len(), true);
    while let Some(&[a, b, c, d, ref kind @ ..]) =
        file.get(at..at + 8).and_then(|head| head.first_chunk::<8>())
    {
        let (length, kind) = (u32::from_be_bytes([a, b, c, d]), *kind);
        if length > i32::MAX as u32 {
            return Err(broken("a chunk is longer than any can be"));
        }
        let end = at + 8 + length as usize;
        let whole = end + 4 <= file.len();
        let content = &file[at + 8..end.min(file.len())];
        // The first letter is small in those that may be passed over.
        let critical = kind[0] & 0x20 == 0;
        if critical && whole {
            let mut crc = crc32fast::Hasher::new();
            crc.update(&file[at + 4..end]);
            if crc.finalize().to_be_bytes() != file[end..end + 4] {
                return Err(broken(&format!("the checksum of a chunk {} is wrong", name(kind))));
            }
        }
        match &kind {
            b"IHDR" if at == SIGNATURE.len() && length as usize == HEADER - 12 => {}
            b"IHDR" => return Err(broken("its header is not where it belongs, or not as long as one is")),
            b"PLTE" if found.length == 0 => found.palette = &file[at..(end + 4).min(file.len())],
            b"PLTE" => {}
            b"IDAT" if open && !content.is_empty() => {
                if found.length == 0 {
                    found.data = &file[at..];
                }
                found.length += content.len();
            }
            b"IDAT" => {}
            b"IEND" => {
                found.cut_off = !whole;
                return Ok(found);
            }
            kind if critical => {
                return Err(broken(&format!(
                    "it has a chunk {} that cannot be passed over and is not known",
                    name(*kind)
                )));
            }
            _ => {}
        }
        if !whole {
            break;
        }
        open &= found.length == 0 || kind == *b"IDAT";
        at = end + 4;
    }
    Ok(found)
}

fn name(kind: [u8; 4]) -> String {
    kind.escape_ascii().to_string()
}

impl Opened<'_> {
    pub(super) fn decode_into(self, rgb: &mut [u8]) -> Result<Extent, PictureError> {
        if rgb.len() != 3 * self.size.0 as usize * self.size.1 as usize {
            return Err(broken("its header and its pixels disagree"));
        }
        let cut_off = self.chunks.cut_off;
        let mut missing = self.rows(rgb, cut_off)?;
        if missing.is_some() && self.keep && !cut_off {
            // Whole, but with too few data.
            missing = self.rows(rgb, true)?;
        }
        match missing {
            None => Ok(Extent::of(cut_off)),
            Some(there) if self.keep && there > 0 => Ok(Extent::CutOff),
            Some(_) => Err(PictureError::Truncated),
        }
    }

    /// Decodes row by row: nothing if there are all of them, else how many there are (of an interlaced picture, in all of its passes). Those that are
    /// missing are black. If the data are `open`, the decoder gives what it has
    /// when it comes to their end; else it knows whether they are whole.
    fn rows(&self, rgb: &mut [u8], open: bool) -> Result<Option<usize>, PictureError> {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        let row_bytes = 8 * width + 64;
        let limits = Limits { bytes: (64 << 20) + 4 * row_bytes };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(self.chunks.join(open)?), limits);
        decoder.ignore_checksums(true);
        decoder.set_transformations(Transformations::EXPAND);
        let mut reader = match decoder.read_info() {
            Err(error) if is_end(&error) => {
                rgb.fill(0);
                return Ok(Some(0));
            }
            reader => reader.map_err(refused)?,
        };
        let (color, depth) = reader.output_color_type();
        let take = Take::of(color, depth)?;
        let mut line = Vec::new();
        line.try_reserve_exact(row_bytes).map_err(|_| PictureError::Memory(row_bytes as u64))?;
        line.resize(row_bytes, 0);
        let passes = match reader.info().interlaced {
            false => &[[0, 0, 1, 1]][..],
            true => {
                rgb.fill(0);
                &PASSES[..]
            }
        };
        let mut there = 0;
        for &[left, top, across, down] in passes.iter().filter(|[left, ..]| *left < width) {
            for row in (top..height).step_by(down) {
                match reader.read_row(&mut line) {
                    Ok(Some(_)) => {
                        take.pixels(&line, &mut rgb[3 * (row * width + left)..3 * (row + 1) * width], across);
                        there += 1;
                    }
                    Ok(None) => return Err(broken("it has fewer rows than it declares")),
                    Err(error) if is_end(&error) => {
                        if passes.len() == 1 {
                            rgb[3 * width * row..].fill(0);
                        }
                        return Ok(Some(there));
                    }
                    Err(error) => return Err(refused(error)),
                }
            }
        }
        Ok(None)
    }
}

/// The contents of the chunks of data that `file` begins with.
fn pieces(mut file: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let &[a, b, c, d, b'I', b'D', b'A', b'T'] = file.first_chunk::<8>()? else { return None };
        let end = 8usize.saturating_add(u32::from_be_bytes([a, b, c, d]) as usize);
        let piece = &file[8..end.min(file.len())];
        file = file.get(end.saturating_add(4)..).unwrap_or_default();
        Some(piece)
    })
}

impl Chunks<'_> {
    /// A file of these alone, with all data in one chunk. Its checksum was looked at before, piece by piece. If it is `open`, it ends where its
    /// data should go on.
    fn join(&self, open: bool) -> Result<Vec<u8>, PictureError> {
        let length = self.length;
        let all = self.header.len() + self.palette.len() + 12 + length + END.len();
        let mut file = Vec::new();
        file.try_reserve_exact(all).map_err(|_| PictureError::Memory(all as u64))?;
        file.extend_from_slice(self.header);
        file.extend_from_slice(self.palette);
        let declared = u32::try_from(length + usize::from(open))
            .map_err(|_| PictureError::FileTooLarge(length as u64))?;
        file.extend_from_slice(&declared.to_be_bytes());
        file.extend_from_slice(b"IDAT");
        pieces(self.data).for_each(|piece| file.extend_from_slice(piece));
        if !open {
            file.extend_from_slice(&[0; 4]);
            file.extend_from_slice(END);
        }
        Ok(file)
    }
}

/// Where a row has its colours.
#[derive(Clone, Copy)]
struct Take {
    /// Bytes of a pixel, and of a channel, of which the first one counts.
    pixel: usize,
    channel: usize,
    grey: bool,
}

impl Take {
    fn of(color: ColorType, depth: BitDepth) -> Result<Self, PictureError> {
        let channel = match depth {
            BitDepth::Eight => 1,
            BitDepth::Sixteen => 2,
            _ => return Err(broken("its depth is not supported")),
        };
        let channels = match color {
            ColorType::Indexed => return Err(broken("its palette was not looked up")),
            other => other.samples(),
        };
        Ok(Self { pixel: channel * channels, channel, grey: channels < 3 })
    }

    /// Writes those of `line` to every `step`-th pixel of `to`.
    fn pixels(self, line: &[u8], to: &mut [u8], step: usize) {
        let Self { pixel, channel, grey } = self;
        if (pixel, step) == (3, 1) {
            return to.copy_from_slice(&line[..to.len()]);
        }
        let to = to.chunks_mut(3 * step).zip(line.chunks_exact(pixel));
        match grey {
            true => to.for_each(|(to, from)| to[..3].fill(from[0])),
            false => to
                .for_each(|(to, from)| to[..3].copy_from_slice(&[from[0], from[channel], from[2 * channel]])),
        }
    }
}

/// Whether the data end before the rows do. The decoder tells that in words alone.
fn is_end(error: &png::DecodingError) -> bool {
    let text = match error {
        png::DecodingError::Format(_) => error.to_string(),
        png::DecodingError::IoError(error) => return error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => return false,
    };
    text.contains("does not have enough data") || text.contains("InsufficientInput")
}

fn refused(error: png::DecodingError) -> PictureError {
    broken(&error.to_string())
}
