//! Which bin of a histogram a byte of hue, saturation or value falls into.
//!
//! OpenCV's `calcHist` puts byte x of range [0, R) with B bins into bin `floor(x·(B/R))`, in f64. Doing the same in
//! integers differs for some hue counts (x = 90, B = 26 gives 12, not 13), so the f64 formula makes a table of 256
//! entries a channel here, once, and every device reads the tables.

use std::sync::LazyLock;

/// Number of bins of hue, saturation and value together that is accepted at most: a feature row of 256 KiB.
pub const MAX_BINS: usize = 65_536;

/// Bin counts that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinsError {
    /// A channel with no bins, or with more than it has values.
    #[error("{channel} has {given} bins; it takes 1 to {most} values")]
    Channel {
        /// hue, saturation or value.
        channel: &'static str,
        /// What was given.
        given: u32,
        /// How many different values the channel has.
        most: u32,
    },
    /// Too many bins together.
    #[error("{0} bins in all; at most {MAX_BINS} are supported, so use fewer a channel")]
    TooMany(u64),
}

/// Bins of a joint HSV histogram. Bin of a colour: `(hue_bin·S + saturation_bin)·V + value_bin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bins {
    counts: [u32; 3],
    tables: [[u32; 256]; 3],
}

/// Range of each channel in OpenCV's 8-bit HSV.
const RANGE: [u32; 3] = [180, 256, 256];

impl Bins {
    /// `counts` bins for hue (up to 180), saturation and value (up to 256).
    ///
    /// # Errors
    /// [`BinsError`] for a channel without bins or with more bins than values, and for more than [`MAX_BINS`] in all.
    pub fn new(counts: [u32; 3]) -> Result<Self, BinsError> {
        for ((given, most), channel) in counts.into_iter().zip(RANGE).zip(["hue", "saturation", "value"]) {
            if given == 0 || given > most {
                return Err(BinsError::Channel { channel, given, most });
            }
        }
        let all = counts.iter().map(|&c| u64::from(c)).product::<u64>();
        if all > MAX_BINS as u64 {
            return Err(BinsError::TooMany(all));
        }
        let strides = [counts[1] * counts[2], counts[2], 1];
        let tables = std::array::from_fn(|channel| {
            let scale = f64::from(counts[channel]) / f64::from(RANGE[channel]);
            std::array::from_fn(|x| {
                // Hue never reaches 180; the entries beyond its range are kept inside the histogram all the same.
                let bin = (x as f64 * scale).floor() as u32;
                bin.min(counts[channel] - 1) * strides[channel]
            })
        });
        Ok(Self { counts, tables })
    }

    /// Bins of hue, saturation and value.
    #[must_use]
    pub fn counts(&self) -> [u32; 3] {
        self.counts
    }

    /// D: bins in all, the length of a feature row.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.iter().product::<u32>() as usize
    }

    /// Never: there is at least one bin.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// For each channel and byte, the bin times the stride of the channel: a colour's bin is the sum of three entries.
    #[must_use]
    pub fn tables(&self) -> &[[u32; 256]; 3] {
        &self.tables
    }
}

/// OpenCV's reciprocals for saturation and hue: `round_half_even(255·4096 / i)` and `round_half_even(180·4096 / 6i)`,
/// 0 at index 0 (`cv::RGB2HSV_b` in `color_hsv.simd.hpp`).
#[must_use]
pub fn reciprocals() -> &'static [[u32; 256]; 2] {
    static TABLES: LazyLock<[[u32; 256]; 2]> = LazyLock::new(|| {
        [255.0 * 4096.0, 180.0 * 4096.0 / 6.0].map(|scale: f64| {
            std::array::from_fn(|i| if i == 0 { 0 } else { (scale / i as f64).round_ties_even() as u32 })
        })
    });
    &TABLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hue_bins_follow_the_float_formula_not_the_integer_one() {
        let bins = Bins::new([26, 5, 7]).unwrap();
        assert_eq!(bins.tables()[0][90], 12 * 35);
        assert_eq!(bins.len(), 26 * 5 * 7);
    }

    #[test]
    fn impossible_bins_are_refused() {
        assert!(matches!(Bins::new([0, 8, 8]), Err(BinsError::Channel { channel: "hue", .. })));
        assert!(matches!(Bins::new([8, 257, 8]), Err(BinsError::Channel { channel: "saturation", .. })));
        assert!(matches!(Bins::new([180, 256, 256]), Err(BinsError::TooMany(11_796_480))));
        assert!(Bins::new([16, 64, 64]).is_ok());
    }
}
