//! Whether a probability of 70 % comes true 70 % of the time.

use serde::Serialize;

use super::sum::pairwise;

/// Bins of equal width that probabilities are sorted into.
pub const BINS: usize = 15;

/// How far stated probabilities are from what happens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error, 0 to 1: the mean of |confidence − frequency| over the bins, each weighted by how
    /// many statements fall into it (Naeini et al. 2015; Guo et al. 2017).
    pub ece: f64,
    /// Mean of the probabilities stated.
    pub confidence: f64,
    /// Share of the statements that are true.
    pub frequency: f64,
    /// The bins, lowest first; see [`BINS`].
    pub bins: Vec<Bin>,
}

/// Statements of about one probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Probabilities above this; the first bin has 0 as well.
    pub above: f64,
    /// Probabilities up to and including this.
    pub up_to: f64,
    /// How many statements fall into it.
    pub count: usize,
    /// Mean of their probabilities; none where there are none.
    pub confidence: Option<f64>,
    /// Share of them that is true; none where there are none.
    pub frequency: Option<f64>,
}

impl Calibration {
    /// Of statements with probability `stated` (n, 0 to 1), of which `came_true` (n) did. All zero for none.
    #[must_use]
    pub fn new(stated: &[f64], came_true: &[bool]) -> Self {
        // The edges of numpy.linspace(0, 1, 16), so that a probability on an edge falls on the same side.
        let edge = |i: usize| if i == BINS { 1.0 } else { i as f64 * (1.0 / BINS as f64) };
        let mut members = vec![Vec::new(); BINS];
        let mut hits = [0; BINS];
        for (&p, &came_true) in stated.iter().zip(came_true) {
            // Near p·15, give or take one: rounding can put the quotient on the wrong side of an edge.
            let guess = (p * BINS as f64) as usize;
            let bin = (guess.saturating_sub(1)..BINS - 1).find(|&i| p <= edge(i + 1)).unwrap_or(BINS - 1);
            members[bin].push(p);
            hits[bin] += usize::from(came_true);
        }
        let n = stated.len().max(1) as f64;
        let bins: Vec<Bin> = members
            .iter()
            .zip(hits)
            .enumerate()
            .map(|(i, (members, hits))| {
                let count = members.len();
                let mean = |sum: f64| (count > 0).then(|| sum / count as f64);
                let (confidence, frequency) = (mean(pairwise(members)), mean(hits as f64));
                Bin { above: edge(i), up_to: edge(i + 1), count, confidence, frequency }
            })
            .collect();
        let gap = |bin: &Bin| {
            bin.confidence.zip(bin.frequency).map_or(0.0, |(c, f)| bin.count as f64 / n * (f - c).abs())
        };
        Self {
            ece: pairwise(&bins.iter().map(gap).collect::<Vec<_>>()),
            confidence: pairwise(stated) / n,
            frequency: hits.iter().sum::<usize>() as f64 / n,
            bins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_closed_on_the_right_at_numpys_edges() {
        // numpy.linspace(0, 1, 16)[1:-1], and the next number above each.
        for i in 1..BINS {
            let edge = i as f64 * (1.0 / 15.0);
            let bin = |p: f64| Calibration::new(&[p], &[true]).bins.iter().position(|b| b.count == 1);
            assert_eq!((bin(edge), bin(edge.next_up())), (Some(i - 1), Some(i)));
        }
        let ends = Calibration::new(&[0.0, 1.0, 1.0 + 1e-7], &[true; 3]);
        assert_eq!((ends.bins[0].count, ends.bins[14].count), (1, 2));
    }

    #[test]
    fn by_hand() {
        let half = Calibration::new(&[0.5; 4], &[true, false, true, false]);
        assert_eq!((half.ece, half.confidence, half.frequency), (0.0, 0.5, 0.5));
        let sure = Calibration::new(&[1.0, 1.0, 0.0, 0.0], &[true, false, false, false]);
        assert_eq!(sure.ece, 0.25);
        assert_eq!(Calibration::new(&[], &[]).ece, 0.0);
    }
}
