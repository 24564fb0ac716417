//! How far a sweep has come, and what must be remembered to go on.

use serde_json::json;

use super::super::state::problem;
use super::super::{LearnError, State};
use super::{Found, Sweep, Swept};

/// What has been found so far, and the parameters of the best C of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    pub(super) best: usize,
    pub(super) parameters: Vec<Vec<f32>>,
}

/// The lists of [`Found`], by name.
const LISTS: [&str; 5] = ["loss", "score", "objective", "evaluations", "unfinished"];

impl Walked {
    /// Adds what the next C found, and keeps its parameters where it is the best so far.
    pub(super) fn take(&mut self, found: Found, parameters: Vec<Vec<f32>>) {
        let best = self.found.get(self.best).map(Found::mean_loss);
        if best.is_none_or(|best| found.mean_loss() < best) {
            (self.best, self.parameters) = (self.found.len(), parameters);
        }
        self.found.push(found);
    }

    /// At the end.
    pub(super) fn swept(self) -> Swept {
        let Self { found, best, parameters } = self;
        Swept { found, best, parameters }
    }

    /// What to remember; `path` is what the path itself must.
    pub(super) fn state(&self, asked: &Sweep<'_>, path: Option<State>) -> State {
        let mut state = path.unwrap_or_default();
        state.solver = "sweep".into();
        state.numbers.insert("done".into(), json!(self.found.len()));
        state.numbers.insert("best".into(), json!(self.best));
        state.numbers.insert("members".into(), json!(asked.members.len()));
        state.arrays.insert("cs".into(), asked.cs.to_vec());
        state.arrays.insert("sizes".into(), sizes(asked));
        for (list, name) in LISTS.into_iter().enumerate() {
            let values = self.found.iter().flat_map(|found| of(found, list)).copied();
            state.arrays.insert(name.into(), values.collect());
        }
        for (m, parameters) in self.parameters.iter().enumerate() {
            state.arrays.insert(format!("best.{m}"), parameters.iter().copied().map(f64::from).collect());
        }
        state
    }

    /// What `state` remembers, of models with `len` parameters.
    pub(super) fn resume(asked: &Sweep<'_>, len: usize, state: &State) -> Result<Self, LearnError> {
        state.of("sweep")?;
        let members = asked.members.len();
        if state.array("cs", asked.cs.len())? != asked.cs {
            return Err(problem("it is of a sweep over other values of C".into()));
        }
        if state.count("members")? != members {
            return Err(problem(format!("it has {} folds in all, not {members}", state.count("members")?)));
        }
        if state.array("sizes", members)? != sizes(asked) {
            return Err(problem("its folds are of other sizes".into()));
        }
        let done = state.count("done")?;
        if done > asked.cs.len() {
            return Err(problem(format!("it has done {done} values of C of {}", asked.cs.len())));
        }
        let lists = LISTS.map(|name| state.array(name, done * members));
        let [loss, score, objective, evaluations, unfinished] = lists;
        let lists = [loss?, score?, objective?, evaluations?, unfinished?];
        let best = state.count("best")?;
        if done > 0 && best >= done {
            return Err(problem(format!("it has done {done} values of C, the best the number {best}")));
        }
        let at = |list: usize, i: usize| lists[list][i * members..(i + 1) * members].to_vec();
        let found = (0..done).map(|i| Found {
            c: asked.cs[i],
            loss: at(0, i),
            score: at(1, i),
            objective: at(2, i),
            evaluations: at(3, i),
            unfinished: at(4, i),
        });
        let parameters = (0..if done > 0 { members } else { 0 })
            .map(|m| Ok(state.array(&format!("best.{m}"), len)?.into_iter().map(|v| v as f32).collect()));
        Ok(Self { found: found.collect(), best, parameters: parameters.collect::<Result<_, LearnError>>()? })
    }
}

fn of(found: &Found, list: usize) -> &[f64] {
    [&found.loss, &found.score, &found.objective, &found.evaluations, &found.unfinished][list]
}

/// How many rows each member fits to.
fn sizes(asked: &Sweep<'_>) -> Vec<f64> {
    asked.members.iter().map(|member| member.train.len() as f64).collect()
}
