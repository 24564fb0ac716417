//! The fit itself, after a sweep where one is asked for.

use super::TrainOptions;
use super::decided::Decided;
use super::features::Rows;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::features::{Bytes, Matrix};
use crate::learn::checkpoint::Belongs;
use crate::learn::{Fit, Labelled, LearnError, Parts, Plan, SolverKind, SolverOptions, Start, Stop, fit};
use crate::pipeline::Weighting;
use crate::pipeline::session::{Kept, Session, rows_digest};
use crate::pipeline::sweep::{AfterSweep, Asked, Chosen, choose_c};
use crate::progress::Progress;

/// A training that ends for its rounding after so many iterations, at most, has gone wrong where features are so large.
const HARDLY_ANY: usize = 10;
/// See [`HARDLY_ANY`].
const LARGE: f32 = 1e4;

/// A fit, and how it came about.
pub(super) struct Fitted<B: Backend> {
    pub(super) fit: Fit<B>,
    pub(super) plan: Plan,
    pub(super) swept: Option<Chosen>,
    /// What it was fitted to, with what.
    pub(super) belongs: Belongs,
}

impl<B: Backend> Fitted<B> {
    /// Fits to the training part of `rows`, from where `session` begins.
    ///
    /// # Errors
    /// Those of [`train_watched`](super::train_watched) that come of fitting.
    pub(super) fn new(
        backend: &B,
        decided: &Decided<'_>,
        rows: &Rows,
        data: &Labelled<'_, B>,
        session: &Session<'_>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let Decided { dataset, options, .. } = *decided;
        let split = &rows.split;
        let plan_within = |c: f64, of: &[usize], batch_limit: Option<usize>| {
            let solver = SolverOptions { c, batch_limit, ..options.solver.clone() };
            solver.plan(of.len(), rows.squared_norm, &data.targets.pick(of.iter().copied()))
        };
        let usual = plan_within(options.values_of_c()[0], &split.train, None)?;
        let limits = (session.begin.batch(), data.matrix.slab_rows());
        let batch_limit = batch_limit(usual.solver.batch(), limits, options, progress);
        let plan_for = |c: f64, of: &[usize]| plan_within(c, of, batch_limit);
        // Of a sweep that of the first C: which others there are is in its state.
        let plan = plan_for(options.values_of_c()[0], &split.train)?;
        let belongs = belongs(backend, decided, rows, (data.targets.weights(), plan), session);
        batches_can_be_read(data.matrix, belongs.plan.solver.kind())?;
        let (start, notes) = session.begin.start(&belongs)?;
        notes.iter().for_each(|note| progress.say(note));

        let watch = Kept::begin(session.onlooker, &belongs);
        let swept = match &options.sweep {
            None => None,
            Some(sweep) => {
                let judged_on = decided.judged_on(split)?;
                judged_on.iter().for_each(|&on| progress.say(&sweep.explained(on)));
                let asked = Asked {
                    backend,
                    dataset,
                    split,
                    data,
                    options: sweep,
                    seed: options.split.seed,
                    activation: &decided.activation,
                    plan: &plan_for,
                };
                Some(choose_c(&asked, &start, &watch, progress)?)
            }
        };
        let plan =
            swept.as_ref().map_or(Ok(belongs.plan.clone()), |chosen| plan_for(chosen.c, &split.train))?;
        progress.say(&format!("training: {plan}"));
        watch.fits();
        let fit = fitted(backend, (data, rows), &plan, (&start, swept.as_ref()), (&watch, progress))?;
        drop(watch);
        if let Some(note) = one_scale(decided, rows, &fit) {
            progress.say(&note);
        }
        Ok(Self { fit, plan, swept, belongs })
    }
}

/// The fit to all training rows: from `start`, or from where a sweep left off.
fn fitted<B: Backend>(
    backend: &B,
    (data, rows): (&Labelled<'_, B>, &Rows),
    plan: &Plan,
    (start, swept): (&Start, Option<&Chosen>),
    (watch, progress): (&Kept<'_>, &dyn Progress),
) -> Result<Fit<B>, LearnError> {
    let parts = Parts { train: &rows.split.train, val: &rows.split.val };
    match swept {
        None => fit(backend, data, parts, plan, start, (watch, progress)),
        Some(chosen) => {
            let refit =
                |watch: &AfterSweep<'_>| fit(backend, data, parts, plan, &chosen.start, (watch, progress));
            AfterSweep::fit(watch, &chosen.state, refit)
        }
    }
}

/// What checkpoints of this training belong to.
fn belongs<B: Backend>(
    backend: &B,
    decided: &Decided<'_>,
    rows: &Rows,
    (weights, plan): (&[f32], Plan),
    session: &Session<'_>,
) -> Belongs {
    let Decided { dataset, options, .. } = *decided;
    let weighed = [&options.class_weight, &options.pos_weight].iter().any(|w| **w != Weighting::Equal);
    let weighed =
        weighed.then(|| (options.class_weight.to_string(), options.pos_weight.to_string(), weights.to_vec()));
    Belongs {
        huemax: env!("CARGO_PKG_VERSION").into(),
        device: backend.info().id(),
        data_sha256: decided.data_sha256.clone(),
        rows_sha256: rows_digest(&rows.split),
        features_sha256: rows.found.sha256(),
        labels: dataset.classes.clone(),
        descriptor: decided.descriptor,
        transform: rows.transform.clone(),
        plan,
        weights: session.begin.weights(weighed),
        init: session.begin.init(),
    }
}

/// What is to be said of a fit that ended at once, as its features are far from one scale.
fn one_scale<B: Backend>(decided: &Decided<'_>, rows: &Rows, fit: &Fit<B>) -> Option<String> {
    let (value, row, column) = rows.found.largest;
    let ended = fit.stop == Stop::Precision && fit.iterations <= HARDLY_ANY && value.abs() > LARGE;
    ended.then(|| {
        let row = decided.dataset.relative_path_string(row);
        format!(
            "note: it ended after {} iterations, as features are far from one scale: the largest is {value:e} ({row}, column {column}); give \
             --standardize",
            fit.iterations
        )
    })
}

/// Fails where the solver takes rows in an order of its own, and any few of them cost about as much to read as all.
fn batches_can_be_read<B: Backend>(matrix: &Matrix<B>, solver: SolverKind) -> Result<()> {
    if solver == SolverKind::Lbfgs || !matrix.in_blocks() {
        return Ok(());
    }
    let bytes = Bytes(4 * matrix.rows() as u64 * matrix.columns() as u64);
    let problem = format!(
        "{} takes rows in another order each time, and the features ({bytes} unpacked) do not fit the memory that there is for them: for every batch all of the Parquet file would be unpacked again; save them as .npy, give more --memory, or use --solver lbfgs",
        solver.name()
    );
    Err(Error::option("--solver", problem))
}

/// The most rows of a batch, where nobody said how many: those that pass through the device at a time, if that is fewer than the `usual`
/// number; of a training that is gone on with, as many as it had `then`, whatever memory there is now.
fn batch_limit(
    usual: Option<usize>,
    (then, pass): (Option<usize>, Option<usize>),
    options: &TrainOptions,
    progress: &dyn Progress,
) -> Option<usize> {
    if options.solver.batch_size.is_some() {
        return None;
    }
    if then.is_some() {
        return then;
    }
    let (usual, pass) = (usual?, pass?);
    if pass >= usual {
        return None;
    }
    progress.say(&format!(
        "note: batches of {pass} rows in place of {usual}, as no more of them pass through the device at a time (more --memory or \
         --device-memory makes room)"
    ));
    Some(pass)
}
