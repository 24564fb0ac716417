//! What describing and evaluating cost on two backends, measured at two sizes each.

use super::break_even::{BreakEven, Cost, Line, Measured, wins};
use super::end_to_end::{COMPILATION, EndToEnd, Part, decode, describe};
use super::inputs::{Numbers, Source};
use super::sample::median;
use super::stages::{Learning, Workloads};
use super::{Shape, Stage};
use crate::backend::{Backend, Bins, Cpu, Pictures};
use crate::error::Result;

/// From how many pictures and rows on `gpu` wins over `cpu`; `way` says what a cold start of it costs.
pub(super) fn break_even<B: Backend>(
    gpu: &B,
    cpu: &Cpu,
    way: &EndToEnd,
    source: &Source<'_>,
    bins: &Bins,
    shape: Option<Shape>,
) -> Result<BreakEven> {
    let decoded = decode(source);
    let pictures = line(
        "describing decoded pictures, upload included".into(),
        true,
        describe_cost(gpu, &decoded.pictures, bins)?,
        describe_cost(cpu, &decoded.pictures, bins)?,
    );
    let (gpu_cost, cpu_cost) = (pictures.gpu, pictures.cpu);
    let compilation = way.parts.iter().filter(|p| p.name == COMPILATION).map(Part::seconds);
    let cold = Cost { fixed: gpu_cost.fixed + way.open + compilation.sum::<f64>(), ..gpu_cost };
    let cold = Line {
        what: "the same from a cold start".into(),
        of_pictures: true,
        gpu: cold,
        cpu: cpu_cost,
        wins: wins(cold, cpu_cost),
        gpu_samples: Vec::new(),
        cpu_samples: Vec::new(),
    };
    let rows = match shape {
        Some(shape) if shape.rows >= 8 => {
            let numbers = Numbers::new(shape, true);
            let (gpu, cpu) = (objective_cost(gpu, shape, &numbers)?, objective_cost(cpu, shape, &numbers)?);
            let what = format!("one evaluation of the objective, {}×{}", shape.columns, shape.outputs);
            Some(line(what, false, gpu, cpu))
        }
        _ => None,
    };
    Ok(BreakEven { pictures, cold, rows })
}

/// Both lines through what was measured, and where they cross.
fn line(what: String, of_pictures: bool, gpu: [Measured; 2], cpu: [Measured; 2]) -> Line {
    let cost = |[few, many]: &[Measured; 2]| {
        Cost::through((few.n, median(&few.seconds)), (many.n, median(&many.seconds)))
    };
    let (gpu_cost, cpu_cost) = (cost(&gpu), cost(&cpu));
    Line {
        what,
        of_pictures,
        gpu: gpu_cost,
        cpu: cpu_cost,
        wins: wins(gpu_cost, cpu_cost),
        gpu_samples: gpu.into(),
        cpu_samples: cpu.into(),
    }
}

/// Runs of each of the two sizes that a line of costs goes through; the first is not counted, of the others the median.
const COSTS: usize = 7;

/// What describing costs, from host memory to features on the device.
fn describe_cost<B: Backend>(backend: &B, pictures: &Pictures, bins: &Bins) -> Result<[Measured; 2]> {
    // The same pictures over and over, so that a picture costs the same in both; few next to what is in flight at once.
    let few = pictures.len().min(8);
    let cost = |n: usize| -> Result<Measured> {
        let mut some = Pictures::new();
        (0..n).for_each(|i| some.push(pictures.rgb(i % few * pictures.len() / few)));
        let mut features = backend.zeros::<f32>(n * bins.len())?;
        let mut seconds = Vec::new();
        for _ in 0..=COSTS {
            seconds.push(describe(backend, &some, bins, &mut features)?.1.as_secs_f64());
        }
        Ok(Measured { n, seconds: seconds.split_off(1) })
    };
    Ok([cost(few)?, cost(8 * few)?])
}

/// What an evaluation of the objective costs, from the call to the end of it.
fn objective_cost<B: Backend>(backend: &B, shape: Shape, numbers: &Numbers) -> Result<[Measured; 2]> {
    let cost = |rows: usize| -> Result<Measured> {
        let mut learning = Learning::new(backend, Shape { rows, ..shape }, numbers)?;
        let mut seconds = Vec::new();
        for _ in 0..=COSTS {
            seconds.push(learning.timed(Stage::Objective, 1)?.wall.as_secs_f64());
        }
        Ok(Measured { n: rows, seconds: seconds.split_off(1) })
    };
    Ok([cost(shape.rows / 8)?, cost(shape.rows)?])
}
