//! What a feature row is made of.

use std::str::FromStr;

use crate::backend::{Bins, BinsError};

/// An HSV joint histogram, divided by its L2 norm: OpenCV's `cvtColor`, `calcHist` and `normalize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Descriptor {
    /// Bins of hue, saturation and value.
    pub bins: [u32; 3],
}

impl Default for Descriptor {
    fn default() -> Self {
        Self { bins: [8, 8, 8] }
    }
}

impl Descriptor {
    /// D: how many numbers describe a picture.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bins.iter().map(|&b| b as usize).product()
    }

    /// Whether there are no bins at all, which [`checked`](Self::checked) refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tables that devices count with.
    ///
    /// # Errors
    /// [`BinsError`] for a channel without bins or with more bins than values, and for too many in all.
    pub fn checked(&self) -> Result<Bins, BinsError> {
        Bins::new(self.bins)
    }

    /// The largest squared L2 norm that a feature row can have.
    #[must_use]
    pub fn max_squared_norm(&self) -> f64 {
        1.0
    }
}

impl std::fmt::Display for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [h, s, v] = self.bins;
        write!(f, "HSV histogram, {h}×{s}×{v} bins, L2-normalised: {} features", self.len())
    }
}

/// `8,8,8`: bins of hue, saturation and value.
impl FromStr for Descriptor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        let Some(&[h, s, v]) = numbers.as_deref() else {
            return Err("three numbers of bins, for hue, saturation and value, such as 8,8,8".into());
        };
        let descriptor = Self { bins: [h, s, v] };
        descriptor.checked().map_err(|e| e.to_string())?;
        Ok(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_read_and_checked() {
        assert_eq!("26, 5,7".parse(), Ok(Descriptor { bins: [26, 5, 7] }));
        for wrong in ["8,8", "8,8,8,8", "a,8,8", "0,8,8", "181,8,8", "180,256,256", "", "-1,8,8"] {
            assert!(wrong.parse::<Descriptor>().is_err(), "{wrong}");
        }
    }
}
