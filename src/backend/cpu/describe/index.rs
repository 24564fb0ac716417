//! From hue, saturation and value to the index of a bin.

use crate::backend::Bins;

/// Bins as arithmetic: `(x·factor) >> SHIFT`, times the stride of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BinIndex {
    /// Three pairs of factor and stride.
    Multiply([(u32, u32); 3]),
    /// For bins that no factor reproduces.
    Lookup(Box<[[u32; 256]; 3]>),
}

pub(super) const SHIFT: u32 = 16;

impl BinIndex {
    pub(super) fn new(bins: &Bins) -> Self {
        let [_, saturation, value] = bins.counts();
        let strides = [saturation * value, value, 1];
        let factors: Option<Vec<_>> = (bins.tables().iter().zip(strides))
            .zip([180, 256, 256])
            .map(|((table, stride), range)| Some((factor(&table[..range], stride)?, stride)))
            .collect();
        match factors.as_deref() {
            Some(&[hue, saturation, value]) => Self::Multiply([hue, saturation, value]),
            _ => Self::Lookup(Box::new(*bins.tables())),
        }
    }
}

/// The factor for which `(x·factor) >> SHIFT == table[x] / stride` for every x, if there is one.
fn factor(table: &[u32], stride: u32) -> Option<u32> {
    let (mut low, mut high) = (0u32, 1 << SHIFT);
    for (x, &entry) in (0u32..).zip(table).skip(1) {
        let bin = entry / stride;
        low = low.max((bin << SHIFT).div_ceil(x));
        high = high.min(((bin + 1) << SHIFT).div_ceil(x) - 1);
    }
    (low <= high).then_some(low)
}

/// `(x·factor) >> 16`, times a stride; the stride of the last channel is 1. `N` times each: one vector.
#[cfg(target_arch = "x86_64")]
#[repr(align(64))]
pub(super) struct Factors<const N: usize> {
    pub(super) factors: [[u16; N]; 3],
    pub(super) strides: [[u16; N]; 2],
}

#[cfg(target_arch = "x86_64")]
impl<const N: usize> Factors<N> {
    /// Of pairs of factor and stride. None where a channel has as many bins as values: that factor has 17 bits.
    pub(super) fn new(channels: &[(u32, u32); 3]) -> Option<Self> {
        const { assert!(SHIFT == 16) };
        let mut found = Self { factors: [[0; N]; 3], strides: [[0; N]; 2] };
        for (to, &(factor, _)) in found.factors.iter_mut().zip(channels) {
            *to = [u16::try_from(factor).ok()?; N];
        }
        for (to, &(_, stride)) in found.strides.iter_mut().zip(channels) {
            *to = [u16::try_from(stride).ok()?; N];
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_multiplication_gives_every_bin() {
        let mut lookups = 0;
        for count in 1..=256u32 {
            let Ok(bins) = Bins::new([count.min(180), 1, count.min(128)]) else { continue };
            match BinIndex::new(&bins) {
                BinIndex::Lookup(_) => lookups += 1,
                BinIndex::Multiply(channels) => {
                    for (c, &(factor, stride)) in channels.iter().enumerate() {
                        for x in 0..[180, 256, 256][c] {
                            let bin = ((x * factor) >> SHIFT) * stride;
                            assert_eq!(
                                bin,
                                bins.tables()[c][x as usize],
                                "{count} bins, channel {c}, byte {x}"
                            );
                        }
                    }
                }
            }
        }
        assert!(lookups < 10, "{lookups} bin counts need tables");
    }
}
