//! The comparator. It rejects what a careless one lets pass: NaN, a wrong length, nothing to compare.

/// How what was computed differs from what was expected.
#[derive(Debug, Clone, PartialEq, thiserror::Error, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Nothing was compared, which proves nothing.
    #[error("there is nothing to compare")]
    Empty,
    /// Not the same number of elements.
    #[error("{got} elements instead of {expected}")]
    Length {
        /// Elements expected.
        expected: usize,
        /// Elements there.
        got: usize,
    },
    /// The first element that is wrong.
    #[error("element {index} is {got}, not {expected} ± {bound:e}; {wrong} of {elements} elements are wrong")]
    Value {
        /// Its index.
        index: usize,
        /// What it should be.
        expected: f64,
        /// What it is.
        got: f64,
        /// How far it may be off; 0 where it must be exact.
        bound: f64,
        /// How many elements are wrong.
        wrong: usize,
        /// How many were compared.
        elements: usize,
        /// The largest error among all that were compared; not finite (JSON `null`, as each of these then) where there was a NaN.
        error: f64,
    },
}

/// What a comparison without a difference found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// How many elements were compared.
    pub elements: usize,
    /// The largest error.
    pub error: f64,
    /// The largest share of a bound that was used, 0 to 1.
    pub used: f64,
    /// The element that used it.
    pub at: usize,
}

/// Every element equal. Counts.
///
/// # Errors
/// The first [`Difference`].
pub fn exact(expected: &[u32], got: &[u32]) -> Result<Agreement, Difference> {
    let expected: Vec<f64> = expected.iter().map(|&e| f64::from(e)).collect();
    compare(&expected, got.iter().map(|&g| f64::from(g)), |_| 0.0)
}

/// Every element of `got` no further from `expected` than its `bound`.
///
/// # Errors
/// The first [`Difference`]; a NaN on either side, in the bound too, is one.
pub fn within(expected: &[f64], got: &[f32], bound: &[f64]) -> Result<Agreement, Difference> {
    if bound.len() != expected.len() {
        return Err(Difference::Length { expected: expected.len(), got: bound.len() });
    }
    compare(expected, got.iter().map(|&g| f64::from(g)), |i| bound[i])
}

fn compare(
    expected: &[f64],
    got: impl ExactSizeIterator<Item = f64>,
    bound: impl Fn(usize) -> f64,
) -> Result<Agreement, Difference> {
    if expected.len() != got.len() {
        return Err(Difference::Length { expected: expected.len(), got: got.len() });
    }
    if expected.is_empty() {
        return Err(Difference::Empty);
    }
    let mut agreement = Agreement { elements: expected.len(), error: 0.0, used: 0.0, at: 0 };
    let (mut wrong, mut first) = (0, None);
    for (index, (&expected, got)) in expected.iter().zip(got).enumerate() {
        let (error, bound) = ((got - expected).abs(), bound(index));
        // `f64::max` would drop a NaN.
        agreement.error = if error > agreement.error || error.is_nan() { error } else { agreement.error };
        // Written so that a NaN anywhere is a difference. A bound that is not finite bounds nothing.
        #[allow(clippy::neg_cmp_op_on_partial_ord)]
        if !(error <= bound && bound.is_finite()) {
            wrong += 1;
            first.get_or_insert((index, expected, got, bound));
        } else if error > agreement.used * bound {
            agreement.used = error / bound;
            agreement.at = index;
        }
    }
    let Agreement { elements, error, .. } = agreement;
    match first {
        None => Ok(agreement),
        Some((index, value, got, bound)) => {
            Err(Difference::Value { index, expected: value, got, bound, wrong, elements, error })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_passes_and_says_how_much_of_the_bound_was_used() {
        let none = Agreement { elements: 2, error: 0.0, used: 0.0, at: 0 };
        assert_eq!(exact(&[1, 2], &[1, 2]), Ok(none));
        let half = Agreement { elements: 2, error: 0.5, used: 0.5, at: 1 };
        assert_eq!(within(&[1.0, 2.0], &[1.0, 2.5], &[0.0, 1.0]), Ok(half));
    }

    #[test]
    fn one_wrong_bin_is_found() {
        let difference = exact(&[5, 0, 3], &[5, 1, 3]).unwrap_err();
        assert!(
            matches!(difference, Difference::Value { index: 1, wrong: 1, elements: 3, .. }),
            "{difference}"
        );
    }

    #[test]
    fn nan_never_passes() {
        for (expected, got, bound) in [(1.0, f32::NAN, 1.0), (f64::NAN, 1.0, 1.0), (1.0, 1.0, f64::NAN)] {
            assert!(within(&[expected], &[got], &[bound]).is_err(), "{expected} {got} {bound}");
        }
        assert!(within(&[1.0], &[f32::INFINITY], &[1e300]).is_err());
        assert!(within(&[1.0], &[5.0], &[f64::INFINITY]).is_err());
    }

    #[test]
    fn short_long_and_empty_never_pass() {
        assert_eq!(exact(&[1, 2], &[1]), Err(Difference::Length { expected: 2, got: 1 }));
        assert_eq!(within(&[1.0], &[1.0, 1.0], &[0.0]), Err(Difference::Length { expected: 1, got: 2 }));
        assert_eq!(within(&[1.0], &[1.0], &[]), Err(Difference::Length { expected: 1, got: 0 }));
        assert_eq!(exact(&[], &[]), Err(Difference::Empty));
    }

    #[test]
    fn an_unwritten_tail_is_found() {
        let (expected, mut got) = ([0.25; 100], [0.25f32; 100]);
        got[97..].fill(f32::from_bits(0xDEAD_BEEF));
        let difference = within(&expected, &got, &[1e-3; 100]).unwrap_err();
        assert!(matches!(difference, Difference::Value { index: 97, wrong: 3, .. }), "{difference}");
    }
}
