//! A file in memory for zune-jpeg, which takes its coded bits four bytes at a time. zune-core's own cursor copies a number of bytes
//! that the compiler does not know, by a call into the C library for each four: a sixteenth of the time of photographs
//! (`benches/results/2026-11-23-decode-and-share.txt`).

use zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZSeekFrom};

/// Reads `bytes` from `at` on, as [`ZCursor`](zune_core::bytestream::ZCursor) does.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// May lie behind the end, where somebody went there: a byte that is not there is 0, and is not passed.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn left(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl ZByteReaderTrait for Cursor<'_> {
    #[inline(always)]
    fn read_byte_no_error(&mut self) -> u8 {
        let Some(&byte) = self.bytes.get(self.at) else { return 0 };
        self.at += 1;
        byte
    }

    #[inline(always)]
    fn read_exact_bytes(&mut self, to: &mut [u8]) -> Result<(), ZByteIoError> {
        // Of a length that the compiler knows, where the caller's is known too: no call.
        if let Ok(to) = <&mut [u8; 4]>::try_from(&mut *to)
            && let Some(four) = self.left().first_chunk()
        {
            *to = *four;
            self.at += 4;
            return Ok(());
        }
        let read = self.peek_bytes(to)?;
        if read < to.len() {
            return Err(ZByteIoError::NotEnoughBytes(read, to.len()));
        }
        self.at += read;
        Ok(())
    }

    fn read_bytes(&mut self, to: &mut [u8]) -> Result<usize, ZByteIoError> {
        let read = self.peek_bytes(to)?;
        self.at += read;
        Ok(read)
    }

    fn peek_bytes(&mut self, to: &mut [u8]) -> Result<usize, ZByteIoError> {
        let left = self.left();
        let there = left.len().min(to.len());
        to[..there].copy_from_slice(&left[..there]);
        Ok(there)
    }

    fn peek_exact_bytes(&mut self, to: &mut [u8]) -> Result<(), ZByteIoError> {
        let at = self.at;
        let read = self.read_exact_bytes(to);
        self.at = at;
        read
    }

    #[inline(always)]
    fn z_seek(&mut self, from: ZSeekFrom) -> Result<u64, ZByteIoError> {
        let to = match from {
            ZSeekFrom::Start(to) => usize::try_from(to).ok(),
            ZSeekFrom::End(by) => {
                isize::try_from(by).ok().and_then(|by| self.bytes.len().checked_add_signed(by))
            }
            ZSeekFrom::Current(by) => isize::try_from(by).ok().and_then(|by| self.at.checked_add_signed(by)),
        };
        self.at = to.ok_or(ZByteIoError::SeekError("out of reach"))?;
        Ok(self.at as u64)
    }

    #[inline(always)]
    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        Ok(self.at >= self.bytes.len())
    }

    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        Ok(self.at as u64)
    }

    fn read_remaining(&mut self, to: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        let left = self.left();
        to.extend_from_slice(left);
        self.at += left.len();
        Ok(left.len())
    }
}

#[cfg(test)]
mod tests {
    use zune_core::bytestream::ZCursor;

    use super::*;

    /// What one step gives: a number, or whether more bytes would help; the bytes; and where one is then.
    type Step = (Result<u64, bool>, Vec<u8>, u64);

    fn step(reader: &mut impl ZByteReaderTrait, kind: u64, size: u64) -> Step {
        let mut bytes = vec![0; size as usize];
        let by = size as i64 - 6;
        let found = match kind {
            0 => Ok(reader.read_byte_no_error().into()),
            1 | 2 => reader.read_exact_bytes(&mut bytes).map(|()| 0),
            3 => reader.read_bytes(&mut bytes).map(|n| n as u64),
            4 => reader.peek_bytes(&mut bytes).map(|n| n as u64),
            5 => reader.peek_exact_bytes(&mut bytes).map(|()| 0),
            6 => reader.z_seek(ZSeekFrom::Start(7 * size)),
            7 => reader.z_seek(ZSeekFrom::End(by)),
            8 | 9 => reader.z_seek(ZSeekFrom::Current(by)),
            10 => reader.is_eof().map(u64::from),
            _ => {
                bytes.clear();
                reader.read_remaining(&mut bytes).map(|n| n as u64)
            }
        };
        // What a failed reading leaves in the caller's bytes is nobody's.
        if found.is_err() {
            bytes.clear();
        }
        (found.map_err(|e| e.is_recoverable_eof()), bytes, reader.z_position().expect("it knows"))
    }

    #[test]
    fn reads_as_zune_cores_own_reader() {
        let mut state = 5u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for length in (0..9).chain([40, 80]) {
            let bytes: Vec<u8> = (0..length).map(|i| i as u8 + 1).collect();
            let (mut ours, mut theirs) = (Cursor::new(&bytes), ZCursor::new(&bytes[..]));
            for i in 0..2000 {
                let (kind, size) = (random(12), random(13));
                let size = if kind == 1 { 4 } else { size };
                let expected = step(&mut theirs, kind, size);
                assert_eq!(
                    step(&mut ours, kind, size),
                    expected,
                    "step {i} of {length} bytes: {kind}, {size}"
                );
            }
        }
    }
}
