//! Which pictures are fitted to and which are kept apart.

use sha2::{Digest, Sha256};

use super::mismatch::{line, short};
use super::stratify::take;
use super::{Dataset, DatasetError, Part, Task};

/// Options of a split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitOptions {
    /// Share of the pictures of each class that is kept for the test, 0 < share < 1.
    pub test_size: f64,
    /// Share of the pictures of each class that choices are made on; 0 for none.
    pub val_size: f64,
    /// Seed of the hash.
    pub seed: u64,
}

impl Default for SplitOptions {
    /// A quarter for the test, none for the validation, seed 42.
    fn default() -> Self {
        Self { test_size: 0.25, val_size: 0.0, seed: 42 }
    }
}

/// Indices into `Dataset::samples`, each list ascending, no index in two of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Fitted to. Never empty, and holds every class; of data that came divided and has several labels a picture, perhaps
    /// not every label: see [`Split::notes`].
    pub train: Vec<usize>,
    /// Chosen on. Empty unless [`SplitOptions::val_size`] asks for it, or the data came with `train`, `val` and `test`.
    pub val: Vec<usize>,
    /// Reported on. Never empty.
    pub test: Vec<usize>,
}

impl Split {
    /// Divides the pictures into those to fit to, those to choose on and those to test.
    ///
    /// Data that came in `train`, `val` and `test` stays divided so, whatever the options say. With
    /// `train` and `val` alone, `val` is the test: nothing was chosen on it. Where that leaves no validation part,
    /// `val_size` of the pictures of `train` become it.
    ///
    /// Otherwise, in each class, the pictures are ordered by SHA-256 of the seed as decimal text, a zero
    /// byte, and [`Dataset::relative_path_string`]; the first `test_size` of them, rounded, are the test, at
    /// least one and at most all but one. The next `val_size`, rounded, are the validation, at least one where that
    /// leaves one to fit to. The order of two pictures does not depend on any third, so
    /// adding pictures moves few of the old ones from one side to the other.
    ///
    /// Where pictures have several labels, the test is chosen by iterative stratification, the rarest label first, with
    /// pictures in that same order, and then the validation out of the rest. The same pictures are always divided alike,
    /// but adding some may move others. A label with one picture is trained on and not tested.
    ///
    /// In either case the test does not depend on `val_size`.
    ///
    /// # Errors
    /// There are no labels. A share outside 0…1, or shares that leave nothing to fit to. With one label a picture: a single class; a class
    /// with one picture; in data that came divided, a class that is not in `train`. In data that came divided, no
    /// training pictures. With several labels, no picture that could be tested.
    pub fn new(dataset: &Dataset, options: &SplitOptions) -> Result<Self, DatasetError> {
        let SplitOptions { test_size, val_size, .. } = *options;
        dataset.labelled()?;
        if !(test_size > 0.0 && test_size < 1.0) {
            return Err(DatasetError::TestSize(test_size));
        }
        let given = dataset.parts_given();
        let tested = if given { 0.0 } else { test_size };
        if !(val_size >= 0.0 && val_size + tested < 1.0) {
            return Err(DatasetError::ValSize { val_size, test_size: tested });
        }
        if let (Task::Multiclass, [class]) = (dataset.task, dataset.classes.as_slice()) {
            return Err(DatasetError::OneClass {
                unit: dataset.unit,
                root: dataset.root.clone(),
                class: class.clone(),
                pictures: dataset.samples.len(),
                labels: dataset.labels,
            });
        }
        match (given, dataset.task) {
            (true, _) => Self::by_part(dataset, options),
            (false, Task::Multiclass) => Self::by_hash(dataset, options),
            (false, Task::Multilabel) => Self::by_stratification(dataset, options),
        }
    }

    fn by_part(dataset: &Dataset, options: &SplitOptions) -> Result<Self, DatasetError> {
        let of = |part| {
            let samples = dataset.samples.iter().enumerate();
            samples.filter(|(_, s)| s.part == Some(part)).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let mut split = Self { train: of(Part::Train), val: of(Part::Val), test: of(Part::Test) };
        if split.train.is_empty() {
            let found = if split.test.is_empty() { "val" } else { "test" };
            let found = if split.test.is_empty() || split.val.is_empty() { found } else { "val` and `test" };
            return Err(DatasetError::NoTrainPart {
                unit: dataset.unit,
                root: dataset.root.clone(),
                found: found.into(),
            });
        }
        if split.test.is_empty() {
            split.test = std::mem::take(&mut split.val);
        }
        let unseen = split.unseen(dataset);
        if dataset.task == Task::Multiclass && !unseen.is_empty() {
            let classes = unseen.iter().map(|&k| dataset.classes[k as usize].clone()).collect();
            return Err(DatasetError::NotInTrain { unit: dataset.unit, root: dataset.root.clone(), classes });
        }
        if split.val.is_empty() && options.val_size > 0.0 {
            let order = ordered(dataset, std::mem::take(&mut split.train), options.seed);
            (split.val, split.train) = match dataset.task {
                Task::Multiclass => {
                    let parts = by_class(dataset, order, [0.0, options.val_size]);
                    (parts.val, parts.train)
                }
                Task::Multilabel => take(&dataset.samples, &order, dataset.classes.len(), options.val_size),
            };
        }
        Ok(split)
    }

    fn by_hash(dataset: &Dataset, options: &SplitOptions) -> Result<Self, DatasetError> {
        let counts = dataset.class_counts();
        let classes = select(&dataset.classes, |label| counts[label] < 2);
        if !classes.is_empty() {
            return Err(DatasetError::SinglePicture {
                unit: dataset.unit,
                root: dataset.root.clone(),
                classes,
            });
        }
        let order = ordered(dataset, (0..dataset.samples.len()).collect(), options.seed);
        Ok(by_class(dataset, order, [options.test_size, options.val_size]))
    }

    fn by_stratification(dataset: &Dataset, options: &SplitOptions) -> Result<Self, DatasetError> {
        let labels = dataset.classes.len();
        let order = ordered(dataset, (0..dataset.samples.len()).collect(), options.seed);
        let (test, rest) = take(&dataset.samples, &order, labels, options.test_size);
        if test.is_empty() {
            let pictures = dataset.samples.len();
            return Err(DatasetError::NothingToTest {
                unit: dataset.unit,
                root: dataset.root.clone(),
                pictures,
            });
        }
        if options.val_size == 0.0 {
            return Ok(Self { train: rest, val: Vec::new(), test });
        }
        let order: Vec<usize> = order.into_iter().filter(|i| rest.binary_search(i).is_ok()).collect();
        let share = options.val_size / (1.0 - options.test_size);
        let (val, train) = take(&dataset.samples, &order, labels, share);
        Ok(Self { train, val, test })
    }

    /// Labels of pictures to choose on or to test that no picture to fit to has, ascending.
    #[must_use]
    pub fn unseen(&self, dataset: &Dataset) -> Vec<u32> {
        let trained = counts(dataset, &self.train);
        let others = [&self.val, &self.test].map(|part| counts(dataset, part));
        (0..trained.len())
            .filter(|&k| trained[k] == 0 && others.iter().any(|part| part[k] > 0))
            .map(|k| k as u32)
            .collect()
    }

    /// What is worth saying of a split of pictures with several labels, a line each: labels that are tested and were never
    /// trained on, and labels that are trained on and cannot be tested. Their measures are undefined.
    #[must_use]
    pub fn notes(&self, dataset: &Dataset) -> Vec<String> {
        let [trained, tested] = [&self.train, &self.test].map(|part| counts(dataset, part));
        let untested = (0..trained.len()).filter(|&k| trained[k] > 0 && tested[k] == 0);
        let name = |k: usize| dataset.classes[k].clone();
        let unseen: Vec<String> = self.unseen(dataset).into_iter().map(|k| name(k as usize)).collect();
        let untested: Vec<String> = untested.map(name).collect();
        let says = [
            (
                "is tested or chosen on but never trained on",
                "are tested or chosen on but never trained on",
                unseen,
            ),
            ("has no picture in the test", "have no picture in the test", untested),
        ];
        let lines = says.into_iter().filter_map(|(one, many, labels)| {
            line(
                &format!("label {one}"),
                &format!("labels {many}"),
                labels.len(),
                labels.iter().map(|l| short(l)),
            )
        });
        lines.collect()
    }
}

/// How many of the samples `part` have each label.
fn counts(dataset: &Dataset, part: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; dataset.classes.len()];
    let labels = part.iter().flat_map(|&index| &dataset.samples[index].labels);
    labels.for_each(|&k| counts[k as usize] += 1);
    counts
}

/// Divides the samples of each class, which are in their `order`, into the first `shares[0]` to test (if that is not 0), the
/// next `shares[1]` to choose on, and the rest.
fn by_class(dataset: &Dataset, order: Vec<usize>, shares: [f64; 2]) -> Split {
    let mut classes: Vec<Vec<usize>> = vec![Vec::new(); dataset.classes.len()];
    for index in order {
        dataset.samples[index].labels.iter().take(1).for_each(|&k| classes[k as usize].push(index));
    }
    let mut split = Split::default();
    for class in classes.iter().filter(|class| !class.is_empty()) {
        // At least one, and one left: but never one to choose on in place of one to fit to.
        let count = |share: f64, spare: usize| match share > 0.0 {
            true => ((share * class.len() as f64).round() as usize).clamp(1.min(spare), spare),
            false => 0,
        };
        let tested = count(shares[0], class.len() - 1);
        let (test, rest) = class.split_at(tested);
        let (val, train) = rest.split_at(count(shares[1], rest.len() - 1));
        split.test.extend(test);
        split.val.extend(val);
        split.train.extend(train);
    }
    [&mut split.train, &mut split.val, &mut split.test].into_iter().for_each(|part| part.sort_unstable());
    split
}

/// `samples` in the order of their hashes.
pub(super) fn ordered(dataset: &Dataset, samples: Vec<usize>, seed: u64) -> Vec<usize> {
    let mut order: Vec<([u8; 32], usize)> =
        samples.into_iter().map(|index| (key(seed, dataset, index), index)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}

fn key(seed: u64, dataset: &Dataset, index: usize) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_string());
    hash.update([0]);
    hash.update(dataset.relative_path_string(index));
    hash.finalize().into()
}

fn select(classes: &[String], wanted: impl Fn(usize) -> bool) -> Vec<String> {
    (0..classes.len()).filter(|&label| wanted(label)).map(|label| classes[label].clone()).collect()
}
