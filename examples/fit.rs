//! A linear classifier fitted to features that NumPy wrote, and how long that took: what `benches/lbfgs_vs_sklearn.py` runs
//! beside scikit-learn.
//!
//! ```sh
//! cargo run --release --example fit -- x.npy y.npy --loss softmax -C 1 --out parameters.npy
//! ```

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use huemax::Quiet;
use huemax::backend::{Backend, Choice, Device, Loss};
use huemax::features::Matrix;
use huemax::learn::{Labelled, Parts, SolverKind, SolverOptions, Start, Targets, Unwatched, fit};
use ndarray::{Array2, Axis, s};

#[derive(Debug, Parser)]
struct Args {
    /// Features: N×D, float32
    x: PathBuf,
    /// Labels: N×K, uint8, 1 where the row has the label
    y: PathBuf,
    /// softmax or squared-hinge, for one label a row; sigmoid, for any number
    #[arg(long, default_value = "softmax", value_parser = loss)]
    loss: Loss,
    /// Inverse of the L2 penalty
    #[arg(short = 'C', default_value_t = 1.0)]
    c: f64,
    /// Where L-BFGS ends: the gradient over that of parameters that are zero
    #[arg(long)]
    tol: Option<f64>,
    /// Iterations, at most
    #[arg(long)]
    max_iter: Option<usize>,
    #[arg(long, default_value = "cpu")]
    device: Choice,
    /// Where the parameters go: K×(D + 1), float32, the biases last
    #[arg(long)]
    out: Option<PathBuf>,
}

fn loss(name: &str) -> Result<Loss, String> {
    let smooth = [Loss::Softmax, Loss::Sigmoid, Loss::SquaredHinge];
    smooth.into_iter().find(|loss| loss.name() == name).ok_or_else(|| format!("{name:?} is no smooth loss"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let x: Array2<f32> = ndarray_npy::read_npy(&args.x)?;
    let y: Array2<u8> = ndarray_npy::read_npy(&args.y)?;
    if x.nrows() != y.nrows() {
        return Err(format!("{} rows of features, and {} of labels", x.nrows(), y.nrows()).into());
    }
    match Device::open(&args.device)?.0 {
        Device::Cpu(cpu) => run(&cpu, &args, &x, &y),
        Device::Gpu(gpu) => run(gpu.as_ref(), &args, &x, &y),
    }
}

fn run<B: Backend>(
    backend: &B,
    args: &Args,
    x: &Array2<f32>,
    y: &Array2<u8>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (columns, outputs) = (x.ncols(), y.ncols());
    let of_row = |row: ndarray::ArrayView1<'_, u8>| -> Vec<u32> {
        (0..outputs).filter(|&k| row[k] != 0).map(|k| k as u32).collect()
    };
    let targets = Targets::new(args.loss, outputs, &y.rows().into_iter().map(of_row).collect::<Vec<_>>());
    let features = x.as_standard_layout();
    let features = features.as_slice().ok_or("features that do not lie row after row")?;
    let rows: Vec<usize> = (0..x.nrows()).collect();

    // From features in the memory of the host to parameters there.
    let start = Instant::now();
    let matrix = Matrix::upload(backend, features, columns)?;
    let data = Labelled::new(backend, &matrix, &targets)?;
    let Args { c, tol, max_iter, .. } = *args;
    let options =
        SolverOptions { c, tol, max_iter, solver: Some(SolverKind::Lbfgs), ..SolverOptions::default() };
    let plan = options.plan(rows.len(), 1.0, &targets)?;
    let parts = Parts { train: &rows, val: &[] };
    let found = fit(backend, &data, parts, &plan, &Start::Zero, (&Unwatched, &Quiet))?;
    let parameters = backend.download(&found.parameters, data.parameters())?;
    let seconds = start.elapsed().as_secs_f64();

    if let Some(path) = &args.out {
        let mut table = Array2::zeros((outputs, columns + 1));
        let (weights, biases) = parameters.split_at(outputs * columns);
        let weights = ndarray::ArrayView2::from_shape((outputs, columns), weights)?;
        table.slice_mut(s![.., ..columns]).assign(&weights);
        table.index_axis_mut(Axis(1), columns).assign(&ndarray::ArrayView1::from(biases));
        ndarray_npy::write_npy(path, &table)?;
    }
    let report = serde_json::json!({
        "seconds": seconds,
        "objective": found.objective,
        "iterations": found.iterations,
        "evaluations": found.evaluations,
        "stop": found.stop.to_string(),
        "device": backend.info().to_string(),
        "optimised": !cfg!(debug_assertions),
    });
    println!("{report}");
    Ok(())
}
