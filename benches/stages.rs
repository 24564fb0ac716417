//! Every stage on the CPU and, where there is an adapter, on a GPU: `cargo bench`, or `cargo bench -- scores`. The stages are
//! those of `huemax bench`, from the same code; each is verified before it is timed.
//!
//! A measurement ends when the device has done the work, without a readback: wall time, uploads included. `huemax bench`
//! knows the device's own time too, and what it could reach.

use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use huemax::backend::{Backend, Bins, Cpu, Gpu, gpu};
use huemax::bench::stages::{Describing, Learning};
use huemax::bench::{self, Numbers, Shape, Stage, Workloads};

/// Rows, columns and outputs of the learning stages.
const SHAPE: Shape = Shape { rows: 4096, columns: 512, outputs: 10 };
const PICTURES: usize = 16;
const BYTES: usize = 16 << 20;

fn stages(criterion: &mut Criterion) {
    all_stages(criterion, "cpu", &Cpu::new());
    match gpu::adapters().first().map(gpu::Adapter::open) {
        Some(Ok(gpu)) => {
            println!("gpu: {}", <Gpu as Backend>::info(&gpu));
            all_stages(criterion, "gpu", &gpu);
        }
        Some(Err(error)) => println!("gpu: not measured, {error}"),
        None => println!("gpu: not measured, there is no adapter"),
    }
}

fn all_stages<B: Backend>(criterion: &mut Criterion, device: &str, backend: &B) {
    let mut group = criterion.benchmark_group(device);
    group.sample_size(10);
    let outcome = describing(&mut group, backend).and_then(|()| learning(&mut group, backend));
    if let Err(error) = outcome {
        println!("{device}: stopped, {error}");
    }
    group.finish();
}

fn describing<B: Backend>(group: &mut BenchmarkGroup<'_, WallTime>, backend: &B) -> huemax::Result<()> {
    let Ok(bins) = Bins::new([8, 8, 8]) else { return Ok(()) };
    let pictures = bench::pictures(None, PICTURES, BYTES)?;
    measure(group, &mut Describing::new(backend, &bins, &pictures)?, &Stage::PICTURES)
}

fn learning<B: Backend>(group: &mut BenchmarkGroup<'_, WallTime>, backend: &B) -> huemax::Result<()> {
    let numbers = Numbers::new(SHAPE, false);
    let mut learning = Learning::new(backend, SHAPE, &numbers)?;
    let stages: Vec<_> = Stage::LEARNING.into_iter().filter(|&stage| learning.has(stage)).collect();
    measure(group, &mut learning, &stages)
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    workloads: &mut dyn Workloads,
    stages: &[Stage],
) -> huemax::Result<()> {
    for &stage in stages {
        workloads.check(stage)?;
        group.throughput(Throughput::Elements(workloads.work(stage).items));
        let mut outcome = Ok(());
        group.bench_function(stage.name(), |bencher| {
            bencher.iter_custom(|repeats| match workloads.timed(stage, repeats as usize) {
                Ok(timed) => timed.wall,
                Err(error) => {
                    outcome = Err(error);
                    Duration::from_nanos(1)
                }
            });
        });
        outcome?;
    }
    Ok(())
}

criterion_group!(benches, stages);
criterion_main!(benches);
