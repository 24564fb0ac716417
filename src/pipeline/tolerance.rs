//! How many pictures may be unreadable before a run ends.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use super::{SkippedPicture, Unreadable, passed_over};
use crate::dataset::{Dataset, Unread};
use crate::error::Error;
use crate::features::{FeaturesError, Skipped};
use crate::names;
use crate::sync::lock;

/// What is done about a picture that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// It is left out, and listed.
    #[default]
    Skip,
    /// The run ends.
    Fail,
}

/// The most pictures that may be left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    /// So many; one more ends the run at once.
    Count(usize),
    /// So many of a hundred, of all pictures of the run, and one picture at least, where this is not 0. It is told when all have been
    /// tried, so that all are known that cannot be read.
    Percent(f64),
}

/// 10 %.
impl Default for MaxErrors {
    fn default() -> Self {
        Self::Percent(10.0)
    }
}

impl MaxErrors {
    /// Whether it is a share of the pictures, and not all of them.
    pub(super) fn is_share(self) -> bool {
        matches!(self, Self::Percent(share) if share < 100.0)
    }

    /// How many of `all` pictures that is.
    #[must_use]
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(0.0) => 0,
            // 29 % of 100 are 29, whatever the rounding.
            Self::Percent(share) => ((share * all as f64 / 100.0 * (1.0 + 1e-12)) as usize).max(1),
        }
    }
}

impl FromStr for MaxErrors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is neither a number of pictures, such as 20, nor a share of them, such as 10%")
        };
        match text.trim().strip_suffix('%') {
            Some(share) => match share.trim().parse::<f64>() {
                Ok(share) if (0.0..=100.0).contains(&share) => Ok(Self::Percent(share.abs())),
                _ => Err(wrong()),
            },
            None => text.trim().parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for MaxErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

/// What is done about pictures that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// About each of them.
    pub on_error: OnError,
    /// How many there may be, where they are skipped. A folder that cannot be looked into, or a tar file that cannot be read to its end, counts as
    /// one, and is too much for a share below 100 %: how many pictures it hides is not known.
    pub max_errors: MaxErrors,
}

impl Tolerance {
    /// Whatever cannot be read is left out.
    pub const ANY: Self = Self { on_error: OnError::Skip, max_errors: MaxErrors::Percent(100.0) };

    /// Of so many pictures these cannot be read, and beside them are some that could not be looked for.
    ///
    /// # Errors
    /// [`Error::Unreadable`], where they are too many.
    pub fn check(self, skipped: &[SkippedPicture], unread: &[Unread], pictures: usize) -> Result<(), Error> {
        let errors = Errors::new(self, pictures, |_| String::new()).beside(unread)?;
        let all_well = skipped.iter().all(|skipped| errors.met(skipped.clone()));
        if all_well { errors.check(|| None) } else { Err(errors.refusal(None)) }
    }
}

/// Pictures of a run that turn out to be unreadable, and when they are too many.
pub(super) struct Errors<'a> {
    tolerance: Tolerance,
    pictures: usize,
    name: Box<dyn Fn(usize) -> String + Sync + 'a>,
    met: Mutex<Vec<SkippedPicture>>,
    hides: Option<SkippedPicture>,
    passed_over: Vec<SkippedPicture>,
}

impl<'a> Errors<'a> {
    /// Of `pictures` pictures, which are called as `name` has it.
    pub(super) fn new(
        tolerance: Tolerance,
        pictures: usize,
        name: impl Fn(usize) -> String + Sync + 'a,
    ) -> Self {
        Self {
            tolerance,
            pictures,
            name: Box::new(name),
            met: Mutex::default(),
            hides: None,
            passed_over: Vec::new(),
        }
    }

    /// Of the pictures `picked` (ascending) of a data set. What could not be looked into is among those that are met.
    ///
    /// # Errors
    /// There are too many already.
    pub(super) fn of(dataset: &'a Dataset, picked: &'a [usize], tolerance: Tolerance) -> Result<Self, Error> {
        let mut errors = Self::new(tolerance, picked.len(), move |i| dataset.relative_path_string(picked[i]));
        errors.passed_over = passed_over(&dataset.mismatches);
        errors.beside(&dataset.unread)
    }

    /// The same with what could not be looked into, which is met at once.
    ///
    /// # Errors
    /// There are too many already.
    fn beside(mut self, unread: &[Unread]) -> Result<Self, Error> {
        self.pictures += unread.len();
        self.hidden_by(unread.iter().find(|unread| unread.hides).map(SkippedPicture::from));
        let all_well = unread.iter().all(|unread| self.met(unread.into())) && !self.hide();
        if all_well { Ok(self) } else { Err(self.refusal(None)) }
    }

    /// The first, if there is one, of those that hide nobody knows how many pictures.
    pub(super) fn hidden_by(&mut self, first: Option<SkippedPicture>) {
        self.hides = first;
    }

    /// Whether that is too much. Whoever says how many, or all, has thought of it; a share of pictures that nobody can count is none.
    fn hide(&self) -> bool {
        self.hides.is_some() && self.tolerance.max_errors.is_share()
    }

    /// The picture `skipped` cannot be read. Whether to go on.
    pub(super) fn saw(&self, skipped: &Skipped) -> bool {
        self.met(SkippedPicture { path: (self.name)(skipped.index), reason: skipped.reason.clone() })
    }

    fn met(&self, picture: SkippedPicture) -> bool {
        let mut met = lock(&self.met);
        met.push(picture);
        match self.tolerance {
            Tolerance { on_error: OnError::Fail, .. } => false,
            Tolerance { max_errors: MaxErrors::Count(most), .. } => met.len() <= most,
            Tolerance { max_errors: MaxErrors::Percent(_), .. } => true,
        }
    }

    /// Fails where too many have been met, when all have been tried; a store keeps so many rows of how many.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub(super) fn check(&self, kept: impl FnOnce() -> Option<(usize, usize)>) -> Result<(), Error> {
        let count = lock(&self.met).len();
        let most = match self.tolerance.on_error {
            OnError::Skip => self.tolerance.max_errors.of(self.pictures),
            OnError::Fail => 0,
        };
        if count <= most && !self.hide() { Ok(()) } else { Err(self.refusal(kept())) }
    }

    /// What ended a run.
    pub(super) fn refusal(&self, kept: Option<(usize, usize)>) -> Error {
        let mut skipped = lock(&self.met).clone();
        skipped.sort_by(|a, b| a.path.cmp(&b.path));
        let (pictures, tolerance) = (self.pictures, self.tolerance);
        let (hides, passed_over) = (self.hides.clone(), self.passed_over.clone());
        let list = None;
        Error::Unreadable(Box::new(Unreadable {
            skipped,
            passed_over,
            pictures,
            tolerance,
            hides,
            kept,
            list,
        }))
    }

    /// The same where it is what `error` says; else that.
    pub(super) fn explain(&self, error: Error) -> Error {
        match error {
            Error::Features(FeaturesError::Refused) => self.refusal(None),
            other => other,
        }
    }
}

/// A folder stands in lists as pictures do.
impl From<&Unread> for SkippedPicture {
    fn from(unread: &Unread) -> Self {
        Self { path: names::text(&unread.path), reason: unread.reason.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_counted() {
        for (text, all, most) in [
            ("10%", 5, 1),
            ("10%", 19, 1),
            ("10%", 20, 2),
            ("10%", 0, 1),
            ("29%", 100, 29),
            ("0.1%", 3000, 3),
            ("0%", 100, 0),
            ("-0%", 100, 0),
            ("100%", 7, 7),
            ("7", 3, 7),
            ("0", 3, 0),
        ] {
            let limit: MaxErrors = text.parse().unwrap();
            assert_eq!(limit.of(all), most, "{text} of {all}");
        }
        assert_eq!(MaxErrors::default().to_string(), "10%");
        for wrong in ["", "%", "-1", "1.5", "101%", "-1%", "NaN%", "inf%", "ten", "10 pictures"] {
            assert!(wrong.parse::<MaxErrors>().is_err(), "{wrong}");
        }
    }

    fn met(tolerance: Tolerance, all: usize, bad: usize) -> (Vec<bool>, Option<String>) {
        let errors = Errors::new(tolerance, all, |i| format!("{i}.jpg"));
        let saw = |index: usize| errors.saw(&Skipped { index, reason: "torn".into() });
        let went_on = (0..bad).rev().map(saw).collect();
        (went_on, errors.check(|| None).err().map(|error| error.to_string()))
    }

    #[test]
    fn a_number_ends_the_run_at_once_and_a_share_at_its_end() {
        let skip = |max_errors| Tolerance { on_error: OnError::Skip, max_errors };
        assert_eq!(met(skip(MaxErrors::Count(2)), 9, 2), (vec![true, true], None));
        let (went_on, error) = met(skip(MaxErrors::Count(2)), 9, 3);
        assert_eq!(went_on, [true, true, false]);
        let error = error.unwrap();
        assert!(
            error.starts_with("3 of 9 pictures could not be read so far, and --max-errors allows 2:"),
            "{error}"
        );
        assert_eq!(met(skip(MaxErrors::default()), 5, 1), (vec![true], None));
        let (went_on, error) = met(skip(MaxErrors::default()), 40, 5);
        assert_eq!(went_on, [true; 5]);
        let error = error.unwrap();
        let told = "5 of 40 pictures could not be read, and --max-errors allows 10%, 4:\n  0.jpg: torn\n  1.jpg: torn\n  2.jpg: torn\n  \
                    … and 2 more\nmend or remove them; --max-errors 5 lets the rest through";
        assert_eq!(error, told);
        assert_eq!(met(Tolerance::ANY, 5, 5).1, None);
    }

    #[test]
    fn the_first_one_ends_a_run_that_is_to_fail() {
        let fail = Tolerance { on_error: OnError::Fail, ..Tolerance::default() };
        assert_eq!(met(fail, 9, 0), (Vec::new(), None));
        let (went_on, error) = met(fail, 9, 1);
        assert_eq!(went_on, [false]);
        assert!(error.unwrap().starts_with("0.jpg: torn; "));
    }
}
