//! Long vectors in f64: sums in pieces of fixed length, so that the number of threads never changes a result.

use rayon::prelude::*;

/// Elements of a piece; vectors of up to this many are not worth handing to another thread.
const PIECE: usize = 1 << 14;

/// `Σ a·b`
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    if a.len() <= PIECE {
        return piece(a, b);
    }
    let pieces: Vec<f64> = a.par_chunks(PIECE).zip(b.par_chunks(PIECE)).map(|(a, b)| piece(a, b)).collect();
    pieces.into_iter().sum()
}

/// Eight sums beside each other, which the compiler makes vectors of.
fn piece(a: &[f64], b: &[f64]) -> f64 {
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a8.iter().zip(b8) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

/// Length of `a`.
pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `y += factor·x`
pub(super) fn add(y: &mut [f64], factor: f64, x: &[f64]) {
    let piece = |y: &mut [f64], x: &[f64]| y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
    if y.len() <= PIECE {
        piece(y, x);
    } else {
        y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).for_each(|(y, x)| piece(y, x));
    }
}

/// `factor·x`
pub(super) fn scaled(x: &[f64], factor: f64) -> Vec<f64> {
    x.iter().map(|x| factor * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_any_length() {
        for len in [0, 1, 7, 8, 9, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let a: Vec<f64> = (0..len).map(|i| (i % 7) as f64).collect();
            let b: Vec<f64> = (0..len).map(|i| (i % 3) as f64 - 1.0).collect();
            let expected: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), expected, "small integers add up exactly");
            let mut y = b.clone();
            add(&mut y, 2.0, &a);
            assert!(y.iter().zip(&a).zip(&b).all(|((y, a), b)| *y == b + 2.0 * a));
        }
        assert_eq!(norm(&[3.0, 4.0]), 5.0);
        assert_eq!(scaled(&[1.0, -2.0], -2.0), [-2.0, 4.0]);
    }
}
