//! `-C`: a number, a list, or a range.

use std::str::FromStr;

/// Values of C, ascending, each once. Whether they can work is for the plan to say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strengths(pub(super) Vec<f64>);

/// Values, at most: more are a mistake of typing.
const MOST: usize = 1000;

const FORMS: &str = "a number above 0, a list such as 0.1,1,10, or a range such as 0.01..100:9 (nine values, even in the logarithm)";

impl FromStr for Strengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| match text.trim().parse::<f64>() {
            Ok(c) => Ok(c),
            Err(_) => Err(format!("{:?} is no number; C is {FORMS}", text.trim())),
        };
        let mut values = match text.split_once("..") {
            None => text.split(',').map(number).collect::<Result<Vec<_>, _>>()?,
            Some((from, rest)) => {
                let Some((to, count)) = rest.split_once(':') else {
                    return Err(format!("how many values? C is {FORMS}"));
                };
                let (from, to) = (number(from)?, number(to)?);
                let count = match count.trim().parse::<usize>() {
                    Ok(count) if (2..=MOST).contains(&count) => count,
                    _ => return Err(format!("{:?} values; a range has 2 to {MOST}", count.trim())),
                };
                // Written so that a NaN is none.
                if !(from > 0.0 && from < to && to.is_finite()) {
                    return Err(format!("{from} to {to} is no range of positive numbers, the smaller first"));
                }
                range(from, to, count)
            }
        };
        if values.len() > MOST {
            return Err(format!("{} values; {MOST} are the most", values.len()));
        }
        values.sort_by(f64::total_cmp);
        values.dedup();
        Ok(Self(values))
    }
}

/// `count` values from `from` to `to`, both included, each the same multiple of the one before.
fn range(from: f64, to: f64, count: usize) -> Vec<f64> {
    let (low, high) = (from.log10(), to.log10());
    let at = |i: usize| 10f64.powf(low + (high - low) * i as f64 / (count - 1) as f64);
    // The ends, and powers of ten between them, as they are typed.
    (0..count)
        .map(|i| match i {
            0 => from,
            _ if i + 1 == count => to,
            _ => tidy(at(i)),
        })
        .collect()
}

/// To twelve digits: what the logarithms rounded off goes, and 0.10000000000000002 is 0.1.
fn tidy(c: f64) -> f64 {
    format!("{c:.11e}").parse().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<f64> {
        text.parse::<Strengths>().unwrap().0
    }

    #[test]
    fn numbers_lists_and_ranges() {
        assert_eq!(of("1"), [1.0]);
        assert_eq!(of("10,0.1, 1,1e0"), [0.1, 1.0, 10.0]);
        assert_eq!(of("0.01..100:5"), [0.01, 0.1, 1.0, 10.0, 100.0]);
        let nine = of("0.01..100:9");
        assert_eq!((nine.len(), nine[0], nine[4], nine[8]), (9, 0.01, 1.0, 100.0));
        assert!(nine.windows(2).all(|w| (w[1] / w[0] - 10f64.sqrt()).abs() < 1e-9), "{nine:?}");
    }

    #[test]
    fn what_is_none_of_them_is_told() {
        for (text, says) in [
            ("0..1:3", "no range of positive"),
            ("nan..1:3", "no range of positive"),
            ("1..inf:3", "no range of positive"),
            ("one", "is no number"),
            ("", "is no number"),
            ("1,,2", "is no number"),
            ("1..10", "how many"),
            ("1..10:1", "a range has 2 to 1000"),
            ("1..10:1e3", "a range has 2 to 1000"),
            ("10..1:3", "the smaller first"),
            ("1..1:3", "the smaller first"),
        ] {
            let error = text.parse::<Strengths>().unwrap_err();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
