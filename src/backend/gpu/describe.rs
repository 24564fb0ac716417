//! **describe** on the GPU: cuts pictures into tiles, uploads them in pieces that fit a binding, and counts.

use super::dispatch::{Shader, shared};
use super::memory::Buffer;
use super::{Gpu, GpuArray};
use crate::backend::{Backend, Bins, DeviceError, Pictures, reciprocals};
use crate::sync::lock;

pub(super) const SHADER: Shader = ("describe", include_str!("../../../shaders/describe.wgsl"));

shared! {
    struct Config {
        tiles: u32,
        bins: u32,
    }
}

shared! {
    /// `Tile` of the shader.
    struct Tile {
        first_word: u32,
        pixels: u32,
        picture: u32,
        first_bin: u32,
    }
}

/// Pixels of a tile: enough that clearing and merging its histogram costs little, few enough that one
/// picture keeps many workgroups busy. A multiple of 4, so that a tile begins at a word.
const TILE_PIXELS: usize = 16_384;
/// Bins of a window, at most: 16 KiB of workgroup memory, which every adapter has.
const WINDOW: usize = 4096;
/// Copies of the histogram in workgroup memory, at most.
const COPIES: usize = 4;

/// Part of the packed bytes, uploaded and counted together.
#[derive(Debug)]
struct Piece {
    bytes: std::ops::Range<usize>,
    tiles: Vec<Tile>,
}

pub(super) fn describe(
    gpu: &Gpu,
    pictures: &Pictures,
    bins: &Bins,
    counts: &mut GpuArray<u32>,
) -> Result<(), DeviceError> {
    let window = bins.len().min(WINDOW);
    let copies = (WINDOW / window).clamp(1, COPIES);
    let constants = [("WINDOW", window as u32), ("COPIES", copies as u32)];
    let tables: Vec<u32> = reciprocals().iter().chain(bins.tables()).flatten().copied().collect();
    let mut most = gpu.info().max_array_bytes as usize;
    loop {
        // Again from the beginning: what is recorded is done before.
        gpu.clear(counts, pictures.len() * bins.len());
        match count(gpu, pictures, (bins, &tables, &constants), most, counts) {
            // In smaller pieces there may be room.
            Err(DeviceError::OutOfMemory { .. }) if most > LEAST_PIECE => {
                lock(&gpu.uploads).clear();
                most = (most / 2).min(pictures.bytes().len() / 2).max(LEAST_PIECE);
            }
            done => return done,
        }
    }
}

/// Pieces of pictures are not made smaller than this, in bytes.
const LEAST_PIECE: usize = 256 << 10;

/// Adds up the pictures, in pieces of at most `most` bytes.
fn count(
    gpu: &Gpu,
    pictures: &Pictures,
    (bins, tables, constants): (&Bins, &[u32], &[(&'static str, u32)]),
    most: usize,
    counts: &mut GpuArray<u32>,
) -> Result<(), DeviceError> {
    for Piece { bytes, tiles } in pieces(pictures, bins.len(), most) {
        let config = Config { tiles: tiles.len() as u32, bins: bins.len() as u32 };
        let tiles: &[u32] = bytemuck::cast_slice(&tiles);
        let uploads = Uploads::take(gpu, bytes.len() + SLACK, size_of_val(tiles))?;
        // Straight from where they were decoded to. Decoding into mapped device memory instead would save this copy, of some per cent of
        // decoding, but decoders read back what they have written (a row above, for chroma), and such memory may be write-combined, where
        // that takes hundreds of times as long; wgpu hands it out for writing only.
        gpu.write_bytes(&uploads.pixels, &pictures.bytes()[bytes]);
        gpu.write_bytes(&uploads.tiles, bytemuck::cast_slice(tiles));
        gpu.write_bytes(&uploads.tables, bytemuck::cast_slice(tables));
        let Uploads { tables, tiles, pixels } = &uploads;
        let buffers = [&**tables, tiles, pixels, counts.of(pictures.len() * bins.len())];
        gpu.dispatch(SHADER, constants, &config, &buffers, u64::from(config.tiles))?;
        // Pixels are large: let the device begin.
        gpu.flush()?;
        uploads.give_back(gpu);
    }
    Ok(())
}

/// The last four pixels of a picture are read as three words, even if there is only one of them.
const SLACK: usize = 8;

/// Buffers that a piece is uploaded to, kept for the next piece of any batch.
#[derive(Debug)]
pub(super) struct Uploads {
    tables: Buffer,
    tiles: Buffer,
    pixels: Buffer,
}

impl Uploads {
    /// Buffers that nobody uses, of at least so many bytes.
    fn take(gpu: &Gpu, pixels: usize, tiles: usize) -> Result<Self, DeviceError> {
        let (pixels, tiles) = (pixels as u64, tiles as u64);
        let old = lock(&gpu.uploads).pop();
        let (tables, old_tiles, old_pixels) = match old {
            Some(Self { tables, tiles, pixels }) => (tables, Some(tiles), Some(pixels)),
            None => (gpu.buffer(4 * 5 * 256, "tables")?, None, None),
        };
        // In steps, so that batches of about one size are not made anew each time.
        let enough = |old: Option<Buffer>, bytes: u64, step: u64, what: &str| match old {
            Some(old) if old.size() >= bytes => Ok(old),
            _ => gpu.buffer(bytes.next_multiple_of(step).min(gpu.info().max_array_bytes), what),
        };
        Ok(Self {
            tables,
            tiles: enough(old_tiles, tiles, 64 << 10, "tiles")?,
            pixels: enough(old_pixels, pixels, 1 << 20, "pixels")?,
        })
    }

    /// For the next to take: what uses them is submitted, and what is written to them from now on comes after it.
    fn give_back(self, gpu: &Gpu) {
        const KEPT: u64 = 64 << 20;
        if self.pixels.size() <= KEPT {
            lock(&gpu.uploads).push(self);
        }
    }
}

/// Cuts the batch so that neither the pixels nor the tiles of a piece are larger than a binding.
fn pieces(pictures: &Pictures, bins: usize, limit: usize) -> Vec<Piece> {
    let windows = bins.div_ceil(WINDOW);
    let most_bytes = (limit - 8) / 4 * 4;
    let most_tiles = limit / size_of::<Tile>();
    let mut pieces: Vec<Piece> = Vec::new();
    for (picture, span) in pictures.spans().iter().enumerate() {
        for first in (0..span.pixels).step_by(TILE_PIXELS) {
            let pixels = TILE_PIXELS.min(span.pixels - first);
            let (start, end) =
                (span.start + 3 * first, (span.start + 3 * (first + pixels)).next_multiple_of(4));
            let fits = pieces.last().is_some_and(|piece| {
                end - piece.bytes.start <= most_bytes && piece.tiles.len() + windows <= most_tiles
            });
            if !fits {
                pieces.push(Piece { bytes: start..start, tiles: Vec::new() });
            }
            let Some(piece) = pieces.last_mut() else { continue };
            piece.bytes.end = end;
            let first_word = ((start - piece.bytes.start) / 4) as u32;
            piece.tiles.extend((0..windows).map(|w| Tile {
                first_word,
                pixels: pixels as u32,
                picture: picture as u32,
                first_bin: (w * WINDOW) as u32,
            }));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_pixel_once_and_fit() {
        let mut pictures = Pictures::new();
        for pixels in [0, 1, TILE_PIXELS - 1, TILE_PIXELS, TILE_PIXELS + 1, 200_003] {
            pictures.push(&vec![7; 3 * pixels]);
        }
        for limit in [3 * TILE_PIXELS + 8, 1 << 17, 1 << 30] {
            let pieces = pieces(&pictures, 5000, limit);
            let mut pixels = vec![[0; 2]; pictures.len()];
            for piece in &pieces {
                assert!(piece.bytes.len() + 8 <= limit);
                for tile in &piece.tiles {
                    assert!(tile.first_word as usize * 4 + 3 * tile.pixels as usize <= piece.bytes.len());
                    pixels[tile.picture as usize][tile.first_bin as usize / WINDOW] += tile.pixels as usize;
                }
            }
            for (seen, span) in pixels.iter().zip(pictures.spans()) {
                assert_eq!(seen, &[span.pixels; 2]);
            }
        }
    }
}
