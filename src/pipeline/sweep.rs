//! Choosing C: on folds of the training pictures, or on validation pictures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::answer::answers;
use crate::backend::{Backend, Loss};
use crate::dataset::{Dataset, Split, Task, folds};
use crate::error::{Error, Result};
use crate::learn::{
    Labelled, LearnError, Member, PlanFor, Score, Seen, Solver, Start, State, Sweep, Swept, Watch, sweep,
};
use crate::model::Activation;
use crate::progress::Progress;
use crate::report::{JudgedOn, Spread, SweepRow, SweepTable};

/// What is to be swept over.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SweepOptions {
    /// Values of C, ascending, each once. A single one is judged, and kept.
    pub cs: Vec<f64>,
    /// Folds of the training pictures. Without, validation pictures are judged by where there are any, else [`FOLDS`] folds.
    pub folds: Option<usize>,
    /// In how many different ways the pictures are divided into folds; by default one.
    pub seeds: Option<usize>,
}

/// Folds where nobody says how many.
pub const FOLDS: usize = 5;

/// Divisions into folds, at most: each is as many models as it has folds.
const MOST_SEEDS: usize = 1000;
/// Models of one C, at most.
const MOST_MODELS: usize = 1000;

impl SweepOptions {
    /// What models are judged by, with `train` and `val` pictures.
    ///
    /// # Errors
    /// Folds that cannot be made of so many pictures.
    pub(super) fn judged_on(&self, train: usize, val: usize) -> Result<JudgedOn> {
        let divisions = self.seeds.unwrap_or(1);
        if divisions == 0 || divisions > MOST_SEEDS {
            let problem = format!("{divisions} divisions into folds; 1 to {MOST_SEEDS} are possible");
            return Err(Error::option("--seeds", problem));
        }
        let folds = match (self.folds, self.seeds) {
            (Some(folds), _) => folds,
            (None, None) if val > 0 => return Ok(JudgedOn::Validation { pictures: val }),
            (None, _) => FOLDS.min(train),
        };
        if train < 2 {
            return Err(Error::option(
                "--folds",
                format!("{train} to train on cannot be divided into folds"),
            ));
        }
        if folds < 2 || folds > train {
            let problem = format!("{folds} folds of {train} to train on; 2 to {train} are possible");
            return Err(Error::option("--folds", problem));
        }
        if folds * divisions > MOST_MODELS {
            let problem = format!(
                "{folds} folds in {divisions} divisions are {} models for each C; {MOST_MODELS} are possible",
                folds * divisions
            );
            return Err(Error::option("--folds", problem));
        }
        Ok(JudgedOn::Folds { folds, divisions })
    }

    /// Whether validation pictures, where there are any, are what it is judged by.
    pub(super) fn needs_validation(&self) -> bool {
        self.folds.is_none() && self.seeds.is_none()
    }

    /// What is done, in a sentence.
    pub(super) fn explained(&self, judged_on: JudgedOn) -> String {
        let cs = match self.cs.as_slice() {
            [c] => format!("C = {c}"),
            [first, .., last] => format!("{} values of C from {first} to {last}", self.cs.len()),
            [] => String::new(),
        };
        match judged_on {
            JudgedOn::Validation { pictures } => format!(
                "sweep: {cs}, judged on {pictures} validation pictures (--folds for cross-validation instead)"
            ),
            JudgedOn::Folds { folds, divisions } => {
                let divided = if divisions == 1 { String::new() } else { format!(", {divisions} divisions") };
                let why = match self.folds {
                    Some(_) => "",
                    None if self.seeds.is_some() => " (--folds says how many)",
                    None => " (there is no validation part; --folds says how many)",
                };
                format!("sweep: {cs}, {folds} folds{divided}{why}")
            }
        }
    }
}

/// Parts of the training pictures, and which fold each picture is in.
struct Division {
    members: Vec<Member>,
    /// Of each division the fold of each training picture.
    fold_of: Vec<Vec<u32>>,
}

fn divide(dataset: &Dataset, split: &Split, judged_on: JudgedOn, seed: u64) -> Division {
    let JudgedOn::Folds { folds: count, divisions } = judged_on else {
        let member = Member { train: split.train.clone(), val: split.val.clone() };
        return Division { members: vec![member], fold_of: Vec::new() };
    };
    let mut division = Division { members: Vec::new(), fold_of: Vec::new() };
    for d in 0..divisions as u64 {
        let fold_of = folds(dataset, &split.train, count, seed.wrapping_add(d));
        for fold in 0..count as u32 {
            let of = |held: bool| {
                let rows = split.train.iter().zip(&fold_of).filter(|(_, of)| (**of == fold) == held);
                rows.map(|(&row, _)| row).collect()
            };
            division.members.push(Member { train: of(false), val: of(true) });
        }
        division.fold_of.push(fold_of);
    }
    division
}

/// What the training pictures are said to be by models that had not seen them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct OutOfFold {
    /// Where each picture was held out: `fold 3`; of several divisions, the folds of each.
    pub(super) parts: Vec<String>,
    /// Probabilities or margins, training pictures × K: means over the divisions.
    pub(super) values: Vec<f32>,
}

/// A C that was chosen.
pub(super) struct Chosen {
    pub(super) c: f64,
    pub(super) table: SweepTable,
    pub(super) out_of_fold: Option<OutOfFold>,
    /// Where the fit to all training pictures begins.
    pub(super) start: Start,
    /// What a fit must remember beside its own state.
    pub(super) state: State,
}

/// What a sweep needs to know of a training.
pub(super) struct Asked<'a, B: Backend> {
    pub(super) backend: &'a B,
    pub(super) dataset: &'a Dataset,
    pub(super) split: &'a Split,
    pub(super) data: &'a Labelled<'a, B>,
    pub(super) options: &'a SweepOptions,
    pub(super) seed: u64,
    pub(super) activation: &'a Activation,
    /// The plan for a C and the rows fitted to.
    pub(super) plan: &'a PlanFor<'a>,
}

/// Sweeps over C. `start` may be what an interrupted sweep, or the fit after it, left behind.
pub(super) fn choose_c<B: Backend>(
    asked: &Asked<'_, B>,
    start: &Start,
    watch: &dyn Watch,
    progress: &dyn Progress,
) -> Result<Chosen> {
    let Asked { backend, dataset, split, data, options, seed, activation, plan } = *asked;
    let judged_on = options.judged_on(split.train.len(), split.val.len())?;
    let division = divide(dataset, split, judged_on, seed);
    let score = if dataset.task == Task::Multilabel { Score::MacroF1 } else { Score::Accuracy };
    let question = Sweep { cs: &options.cs, members: &division.members, plan, score };
    let (before, refit) = match start {
        Start::Resume(state) => {
            let (before, refit) = apart(state);
            (Some(before), refit)
        }
        _ => (None, None),
    };
    let swept = sweep(backend, data, &question, before.as_ref(), (watch, progress))?;
    let weighed = data.targets.weights().iter().any(|&w| w != 1.0);
    let loss = match (data.loss, weighed) {
        (Loss::Hinge | Loss::SquaredHinge, false) => "loss",
        (Loss::Hinge | Loss::SquaredHinge, true) => "weighted loss",
        (_, false) => "log loss",
        (_, true) => "weighted log loss",
    };
    let values = swept.found.iter().map(|found| SweepRow {
        c: found.c,
        loss: Spread::new(found.loss.clone()),
        score: Spread::new(found.score.clone()),
        evaluations: found.evaluations.iter().sum::<f64>() / found.evaluations.len() as f64,
        unfinished: found.unfinished.iter().filter(|&&u| u > 0.0).count(),
    });
    let table = SweepTable::new(judged_on, (loss, score.name()), values.collect(), swept.best);
    let c = table.best;
    let out_of_fold = match judged_on {
        JudgedOn::Folds { .. } => {
            let out = out_of_fold(backend, split, data, &division, &swept, activation);
            if matches!(out, Err(Error::Device(_) | Error::Learn(LearnError::Device(_)))) {
                watch.save(swept.state(&question))?;
            }
            Some(out?)
        }
        JudgedOn::Validation { .. } => None,
    };
    // A mean of sparse models has the zeros that all of them have, and few of those come back.
    let of_all = plan(c, &split.train)?;
    let lbfgs = matches!(of_all.solver, Solver::Lbfgs { .. }) && of_all.l1 == 0.0;
    let start = match refit {
        Some(state) => Start::Resume(state),
        // Close to the optimum of all of them; mini-batches go by their schedule from wherever they begin.
        None if lbfgs => Start::From(mean(&swept.parameters)),
        None => Start::Zero,
    };
    Ok(Chosen { c, table, out_of_fold, start, state: swept.state(&question) })
}

/// The mean of parameters.
fn mean(parameters: &[Vec<f32>]) -> Vec<f32> {
    let mut sums = vec![0.0f64; parameters[0].len()];
    for parameters in parameters {
        sums.iter_mut().zip(parameters).for_each(|(sum, &p)| *sum += f64::from(p));
    }
    sums.into_iter().map(|sum| (sum / parameters.len() as f64) as f32).collect()
}

fn out_of_fold<B: Backend>(
    backend: &B,
    split: &Split,
    data: &Labelled<'_, B>,
    division: &Division,
    swept: &Swept,
    activation: &Activation,
) -> Result<OutOfFold> {
    let outputs = data.outputs;
    let place: BTreeMap<usize, usize> = split.train.iter().enumerate().map(|(i, &row)| (row, i)).collect();
    let mut sums = vec![0.0f64; split.train.len() * outputs];
    for (member, parameters) in division.members.iter().zip(&swept.parameters) {
        let parameters = backend.upload(parameters)?;
        let values = answers(backend, data, &member.val, &parameters, activation)?;
        for (row, values) in member.val.iter().zip(values.chunks_exact(outputs)) {
            let Some(&i) = place.get(row) else { continue };
            let sums = &mut sums[i * outputs..(i + 1) * outputs];
            sums.iter_mut().zip(values).for_each(|(sum, &v)| *sum += f64::from(v));
        }
    }
    let divisions = division.fold_of.len();
    let part = |i: usize| {
        let folds: Vec<String> = division.fold_of.iter().map(|of| (of[i] + 1).to_string()).collect();
        format!("fold{} {}", if divisions == 1 { "" } else { "s" }, folds.join(" "))
    };
    Ok(OutOfFold {
        parts: (0..split.train.len()).map(part).collect(),
        values: sums.into_iter().map(|sum| (sum / divisions as f64) as f32).collect(),
    })
}

/// What the fit after a sweep has in its state, before the names that it gave them itself.
const REFIT: &str = "refit.";

/// The state of a sweep, and of the fit after it where it had begun.
fn apart(state: &State) -> (State, Option<State>) {
    let mut sweep = State { solver: state.solver.clone(), ..State::default() };
    let mut refit = State::default();
    for (name, value) in &state.numbers {
        match name.strip_prefix(REFIT) {
            Some("solver") => value.as_str().unwrap_or_default().clone_into(&mut refit.solver),
            Some(name) => drop(refit.numbers.insert(name.to_owned(), Value::clone(value))),
            None => drop(sweep.numbers.insert(name.clone(), Value::clone(value))),
        }
    }
    for (name, values) in &state.arrays {
        match name.strip_prefix(REFIT) {
            Some(name) => refit.arrays.insert(name.to_owned(), values.clone()),
            None => sweep.arrays.insert(name.clone(), values.clone()),
        };
    }
    let begun = !refit.solver.is_empty();
    (sweep, begun.then_some(refit))
}

/// Both in one, for [`apart`].
fn joined(sweep: &State, refit: State) -> State {
    let mut state = sweep.clone();
    state.numbers.insert(format!("{REFIT}solver"), json!(refit.solver));
    state.numbers.extend(refit.numbers.into_iter().map(|(name, value)| (format!("{REFIT}{name}"), value)));
    state.arrays.extend(refit.arrays.into_iter().map(|(name, values)| (format!("{REFIT}{name}"), values)));
    state
}

/// Looks on while all training pictures are fitted to after a sweep, and sees that what the sweep found is saved too.
pub(super) struct AfterSweep<'a> {
    watch: &'a dyn Watch,
    state: &'a State,
    saved: AtomicBool,
}

impl<'a> AfterSweep<'a> {
    /// What `fit` does after a sweep that left `state`. Where the device fails before there is anything of the fit to save, that is saved.
    pub(super) fn fit<T>(
        watch: &'a dyn Watch,
        state: &'a State,
        fit: impl FnOnce(&Self) -> Result<T, LearnError>,
    ) -> Result<T, LearnError> {
        let this = Self { watch, state, saved: AtomicBool::new(false) };
        let fitted = fit(&this);
        if matches!(fitted, Err(LearnError::Device(_))) && !this.saved.load(Ordering::Relaxed) {
            watch.save(state.clone())?;
        }
        fitted
    }
}

impl Watch for AfterSweep<'_> {
    fn validates(&self) -> bool {
        self.watch.validates()
    }
    fn saw(&self, seen: &Seen) {
        self.watch.saw(seen);
    }
    fn say(&self, line: &str) {
        self.watch.say(line);
    }
    fn stop(&self) -> bool {
        self.watch.stop()
    }
    fn due(&self) -> bool {
        self.watch.due()
    }
    fn save(&self, state: State) -> Result<(), LearnError> {
        self.saved.store(true, Ordering::Relaxed);
        self.watch.save(joined(self.state, state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_joined_and_told_apart() {
        let state = |solver: &str, name: &str| State {
            solver: solver.into(),
            numbers: [(name.to_owned(), json!(3))].into_iter().collect(),
            arrays: [(name.to_owned(), vec![1.0, 2.0])].into_iter().collect(),
        };
        let (sweep, refit) = (state("sweep", "done"), state("lbfgs", "done"));
        assert_eq!(apart(&joined(&sweep, refit.clone())), (sweep.clone(), Some(refit)));
        assert_eq!(apart(&sweep), (sweep, None));
    }

    #[test]
    fn what_models_are_judged_by() {
        let options = |folds, seeds| SweepOptions { cs: vec![0.1, 1.0], folds, seeds };
        let on = |folds, seeds, val| options(folds, seeds).judged_on(40, val).unwrap();
        assert_eq!(on(None, None, 7), JudgedOn::Validation { pictures: 7 });
        assert_eq!(on(None, None, 0), JudgedOn::Folds { folds: 5, divisions: 1 });
        assert_eq!(on(Some(3), None, 7), JudgedOn::Folds { folds: 3, divisions: 1 });
        assert_eq!(on(None, Some(2), 7), JudgedOn::Folds { folds: 5, divisions: 2 });
        for (folds, seeds) in [(Some(1), None), (Some(41), None), (Some(3), Some(0)), (Some(3), Some(1001))] {
            assert!(options(folds, seeds).judged_on(40, 0).is_err(), "{folds:?} {seeds:?}");
        }
        let said = options(None, None).explained(on(None, None, 0));
        assert!(said.contains("2 values of C from 0.1 to 1, 5 folds (there is no validation part"), "{said}");
    }
}
