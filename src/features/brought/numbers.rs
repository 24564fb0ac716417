//! Numbers as they lie in files, and what they are as f32.

use half::{bf16, f16};

/// A number in a file. All of them but f64 are f32 without loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
}

impl Kind {
    /// Bytes of a number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The numbers that `bytes` are, into `to`, one after the other. Returns the first of them that f32 cannot hold, and its place.
    pub(super) fn decode<'a>(
        self,
        big_endian: bool,
        bytes: &[u8],
        to: impl Iterator<Item = &'a mut f32>,
    ) -> Option<(usize, f64)> {
        match self {
            Self::I8 => widen(big_endian, bytes, to, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 => widen(big_endian, bytes, to, |b| f32::from(u8::from_le_bytes(b))),
            Self::I16 => widen(big_endian, bytes, to, |b| f32::from(i16::from_le_bytes(b))),
            Self::U16 => widen(big_endian, bytes, to, |b| f32::from(u16::from_le_bytes(b))),
            Self::F16 => widen(big_endian, bytes, to, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => widen(big_endian, bytes, to, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => widen(big_endian, bytes, to, f32::from_le_bytes),
            Self::F64 => {
                let mut lost = None;
                let mut at = 0;
                widen(big_endian, bytes, to, |b| {
                    let wide = f64::from_le_bytes(b);
                    let value = wide as f32;
                    if value.is_infinite() && wide.is_finite() && lost.is_none() {
                        lost = Some((at, wide));
                    }
                    at += 1;
                    value
                });
                return lost;
            }
        }
        None
    }
}

fn widen<'a, const N: usize>(
    big_endian: bool,
    bytes: &[u8],
    to: impl Iterator<Item = &'a mut f32>,
    mut number: impl FnMut([u8; N]) -> f32,
) {
    for (bytes, to) in bytes.as_chunks::<N>().0.iter().zip(to) {
        let mut bytes = *bytes;
        if big_endian {
            bytes.reverse();
        }
        *to = number(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_they_were_written_as() {
        let decoded = |kind: Kind, big, bytes: &[u8]| {
            let mut to = vec![f32::NAN; bytes.len() / kind.size()];
            assert_eq!(kind.decode(big, bytes, to.iter_mut()), None);
            to
        };
        assert_eq!(decoded(Kind::I8, false, &[0x80, 0x7f]), [-128.0, 127.0]);
        assert_eq!(decoded(Kind::U8, true, &[255, 0]), [255.0, 0.0]);
        assert_eq!(decoded(Kind::I16, true, &[0xff, 0xfe]), [-2.0]);
        assert_eq!(decoded(Kind::U16, false, &[0xff, 0xfe]), [65279.0]);
        assert_eq!(decoded(Kind::F16, false, &[0x00, 0x3c, 0x01, 0x00]), [1.0, 2f32.powi(-24)]);
        assert_eq!(decoded(Kind::F16, true, &[0xc0, 0x00]), [-2.0]);
        assert_eq!(decoded(Kind::Bf16, false, &[0x80, 0x3f]), [1.0]);
        for value in [1.5f32, -0.0, f32::MIN_POSITIVE, f32::MAX] {
            assert_eq!(decoded(Kind::F32, true, &value.to_be_bytes()), [value]);
            assert_eq!(decoded(Kind::F64, false, &f64::from(value).to_le_bytes()), [value]);
            assert_eq!(decoded(Kind::F64, true, &f64::from(value).to_be_bytes()), [value]);
        }
        let bytes = [1.0f64, 1e39, f64::INFINITY].map(f64::to_le_bytes);
        let mut to = [0.0; 3];
        assert_eq!(Kind::F64.decode(false, bytes.as_flattened(), to.iter_mut()), Some((1, 1e39)));
        assert_eq!(to, [1.0, f32::INFINITY, f32::INFINITY]);
    }
}
