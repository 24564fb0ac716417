//! GIF: the first frame, on the background that its file names, as OpenCV draws it.

use weezl::{BitOrder, LzwStatus, decode::Decoder};

use super::error::broken;
use super::{Extent, Full, PictureError, Scratch, check_size, resize};

/// A picture whose blocks were looked at.
pub(super) struct Opened<'a> {
    blocks: Blocks<'a>,
    size: (u32, u32),
    keep: bool,
}

/// What its first frame is made of.
struct Blocks<'a> {
    /// What is seen where the frame is not.
    background: [u8; 3],
    /// Left, top, width, height.
    frame: [usize; 4],
    interlaced: bool,
    transparent: Option<u8>,
    /// R G B of each index; none where the file has no table: greys.
    table: Option<&'a [u8]>,
    bits: u8,
    /// Blocks of up to 255 bytes, each behind its length.
    codes: &'a [u8],
    /// Whether the file ends before its end mark.
    cut_off: bool,
}

/// Whether these are the first bytes of a GIF.
pub(super) fn is_gif(file: &[u8]) -> bool {
    file.starts_with(b"GIF87a") || file.starts_with(b"GIF89a")
}

/// Looks at the header and at all blocks.
pub(super) fn open<'a>(
    file: &'a [u8],
    scratch: &'a mut Scratch,
    max_pixels: u64,
) -> Result<super::Opened<'a>, PictureError> {
    let Some(&[a, b, c, d]) = file.get(6..10).and_then(|four| four.first_chunk::<4>()) else {
        return Err(PictureError::Truncated);
    };
    let size = (u32::from(u16::from_le_bytes([a, b])), u32::from(u16::from_le_bytes([c, d])));
    check_size(size.0, size.1, max_pixels)?;
    let Some(blocks) = blocks(file, size)? else { return Err(PictureError::Truncated) };
    if blocks.cut_off && !scratch.keep_cut_off {
        return Err(PictureError::Truncated);
    }
    let indices = blocks.frame[2] as u64 * blocks.frame[3] as u64;
    let about = Opened { blocks, size, keep: scratch.keep_cut_off };
    Ok(super::Opened::full(size, indices + (128 << 10), scratch, Full::Gif(about)))
}

/// Where one is in a file.
struct Cursor<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let taken = self.file.get(self.at..self.at.checked_add(bytes)?)?;
        self.at += bytes;
        Some(taken)
    }

    /// A table of colours, if `flags` say that there is one.
    fn table(&mut self, flags: u8) -> Option<Option<&'a [u8]>> {
        match flags & 0x80 {
            0 => Some(None),
            _ => self.take(3 << ((flags & 7) + 1)).map(Some),
        }
    }

    /// Blocks, each behind its length, up to the empty one; as far as there are any.
    fn blocks(&mut self) -> (&'a [u8], bool) {
        let start = self.at;
        while let Some(&[length]) = self.take(1).and_then(|one| one.first_chunk::<1>()) {
            if length == 0 {
                return (&self.file[start..self.at], true);
            }
            if self.take(usize::from(length)).is_none() {
                break;
            }
        }
        self.at = self.file.len();
        (&self.file[start..], false)
    }
}

/// Walks from block to block; none if the file ends before the first frame.
fn blocks(file: &[u8], size: (u32, u32)) -> Result<Option<Blocks<'_>>, PictureError> {
    let mut cursor = Cursor { file, at: 10 };
    let Some(&[flags, background, _]) = cursor.take(3).and_then(|three| three.first_chunk::<3>()) else {
        return Ok(None);
    };
    let Some(table) = cursor.table(flags) else { return Ok(None) };
    let background = match table {
        None => [0; 3],
        Some(table) => {
            color(table, background).ok_or_else(|| broken("its background is beyond its table of colours"))?
        }
    };
    let mut transparent = None;
    let mut found: Option<Blocks<'_>> = None;
    loop {
        match cursor.take(1) {
            None => {
                return Ok(found.map(|found| Blocks { cut_off: true, ..found }));
            }
            Some(b";") => {
                return found.map(Some).ok_or_else(|| broken("it has no frame"));
            }
            Some(b"!") => {
                let Some(label) = cursor.take(1) else { continue };
                let (content, _) = cursor.blocks();
                if let (&[0xF9], &[4, flags, _, _, index, ..]) = (label, content) {
                    transparent = (flags & 1 == 1).then_some(index);
                }
            }
            Some(b",") => {
                let Some(&[a, b, c, d, e, f, g, h, flags]) =
                    cursor.take(9).and_then(|nine| nine.first_chunk::<9>())
                else {
                    continue;
                };
                let frame = [[a, b], [c, d], [e, f], [g, h]].map(|two| usize::from(u16::from_le_bytes(two)));
                let Some(local) = cursor.table(flags) else {
                    cursor.at = file.len();
                    continue;
                };
                let Some(&[bits]) = cursor.take(1).and_then(|one| one.first_chunk::<1>()) else { continue };
                let (codes, _) = cursor.blocks();
                if found.is_some() {
                    continue;
                }
                let [left, top, width, height] = frame;
                if width * height == 0 || left + width > size.0 as usize || top + height > size.1 as usize {
                    return Err(broken(&format!(
                        "its first frame, {width}×{height} at {left}, {top}, is empty or reaches beyond its {}×{} pixels",
                        size.0, size.1
                    )));
                }
                if !(2..=8).contains(&bits) {
                    return Err(broken(&format!("its codes begin with {bits} bits, which are 2 to 8")));
                }
                let (interlaced, table) = (flags & 0x40 != 0, local.or(table));
                found = Some(Blocks {
                    background,
                    frame,
                    interlaced,
                    transparent,
                    table,
                    bits,
                    codes,
                    cut_off: false,
                });
            }
            Some(other) => {
                return Err(broken(&format!("a block of the kind 0x{:02X}, which there is not", other[0])));
            }
        }
    }
}

fn color(table: &[u8], index: u8) -> Option<[u8; 3]> {
    table.as_chunks::<3>().0.get(usize::from(index)).copied()
}

impl Opened<'_> {
    pub(super) fn decode_into(
        self,
        (raw, kept): (&mut Vec<u8>, usize),
        rgb: &mut [u8],
    ) -> Result<Extent, PictureError> {
        let Self { blocks, size, keep } = self;
        let (columns, [left, top, width, height]) = (size.0 as usize, blocks.frame);
        if rgb.len() != 3 * columns * size.1 as usize {
            return Err(broken("its header and its pixels disagree"));
        }
        let pixels = width * height;
        // With room for one more, to see whether there is more.
        resize(raw, pixels as u64 + 1, kept)?;
        let indices = &mut raw[..=pixels];
        let done = unpack(&blocks, indices)?;
        let extent = Extent::of(blocks.cut_off || done < pixels);
        if extent == Extent::CutOff && (!keep || done == 0) {
            return Err(PictureError::Truncated);
        }
        if done > pixels {
            return Err(broken("it has codes for more pixels than its first frame"));
        }
        for pixel in rgb.as_chunks_mut::<3>().0 {
            *pixel = blocks.background;
        }
        let colours = blocks.colours();
        for (i, line) in indices[..done].chunks(width).enumerate() {
            let row = top + if blocks.interlaced { interlaced_row(i, height) } else { i };
            let to = &mut rgb[3 * (row * columns + left)..][..3 * width];
            for (to, &index) in to.as_chunks_mut::<3>().0.iter_mut().zip(line) {
                match colours[usize::from(index)] {
                    Some(color) => *to = color,
                    None if blocks.transparent == Some(index) => {}
                    None => return Err(broken(&format!("the colour {index} is beyond its table"))),
                }
            }
        }
        Ok(extent)
    }
}

impl Blocks<'_> {
    /// Of each index; none where nothing is drawn, or there is none.
    fn colours(&self) -> [Option<[u8; 3]>; 256] {
        std::array::from_fn(|index| {
            let index = index as u8;
            match self.table {
                _ if self.transparent == Some(index) => None,
                // Greys, of which the second is white: as OpenCV has it.
                None => Some([if index == 1 { 255 } else { index }; 3]),
                Some(table) => color(table, index),
            }
        })
    }
}

/// The row that the `i`-th line of an interlaced frame is.
fn interlaced_row(mut i: usize, height: usize) -> usize {
    for (first, step) in [(0, 8), (4, 8), (2, 4)] {
        let lines = height.saturating_sub(first).div_ceil(step);
        if i < lines {
            return first + i * step;
        }
        i -= lines;
    }
    1 + 2 * i
}

/// Unpacks codes until `indices` are full or there are no more: how many indices there were.
fn unpack(blocks: &Blocks<'_>, indices: &mut [u8]) -> Result<usize, PictureError> {
    let mut decoder = Decoder::new(BitOrder::Lsb, blocks.bits);
    let (mut rest, mut done) = (blocks.codes, 0);
    while let Some((&length, behind)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (block, behind) = behind.split_at(usize::from(length).min(behind.len()));
        rest = behind;
        let mut block = block;
        loop {
            if done == indices.len() {
                return Ok(done);
            }
            let step = decoder.decode_bytes(block, &mut indices[done..]);
            done += step.consumed_out;
            block = &block[step.consumed_in..];
            match step.status {
                Ok(LzwStatus::Done) => return Ok(done),
                Ok(LzwStatus::NoProgress) => break,
                Ok(LzwStatus::Ok) if step.consumed_in == 0 && step.consumed_out == 0 => break,
                Ok(LzwStatus::Ok) => {}
                Err(_) => return Err(broken("a code that there cannot be yet")),
            }
        }
    }
    Ok(done)
}
