//! Summation in NumPy's order, so that an average which lies on the edge between two roundings is printed as
//! scikit-learn prints it.

/// Sum as `numpy.sum` computes it for contiguous `f64`: one after the other below 8 values, eight
/// accumulators up to 128, halves above. Rounding error grows with log n instead of n.
///
/// Source: `pairwise_sum` in NumPy's `loops_utils.h.src`.
pub(super) fn pairwise(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(0.0, |sum, v| sum + v);
    }
    if n <= 128 {
        let (eights, rest) = values.as_chunks::<8>();
        let mut acc = [0.0; 8];
        for eight in eights {
            for (a, v) in acc.iter_mut().zip(eight) {
                *a += v;
            }
        }
        let sum = ((acc[0] + acc[1]) + (acc[2] + acc[3])) + ((acc[4] + acc[5]) + (acc[6] + acc[7]));
        return rest.iter().fold(sum, |sum, v| sum + v);
    }
    let half = n / 2 - (n / 2) % 8;
    pairwise(&values[..half]) + pairwise(&values[half..])
}

#[cfg(test)]
mod tests {
    use super::pairwise;

    #[test]
    fn every_value_is_counted_once() {
        for n in [0, 1, 7, 8, 9, 127, 128, 129, 136, 1000] {
            let values: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(pairwise(&values), f64::from(n * (n + 1) / 2), "{n} values");
        }
    }

    #[test]
    fn the_order_is_numpys() {
        // What numpy.sum answers; adding one after the other gives 0.9999999999999999 for ten.
        assert_eq!(pairwise(&[0.1; 7]), 0.7);
        assert_eq!(pairwise(&[0.1; 10]), 1.0);
        assert_eq!(pairwise(&[0.1; 128]), 12.800000000000002);
        assert_eq!(pairwise(&[0.1; 300]), 29.999999999999996);
    }
}
