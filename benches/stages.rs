//! Every stage on the CPU and, where there is an adapter, on a GPU: `cargo bench`, or `cargo bench -- scores`.
//!
//! A measurement ends when the device has done the work: each iteration reads one number back. On a GPU this adds the
//! time of a submission and a readback to every figure, the same for every stage (`readback` measures it alone).

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use huemax::backend::{Backend, Bins, Cpu, Gpu, Pictures, Rows, Step, gpu};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rows, columns and outputs of the learning stages.
const SHAPE: [usize; 3] = [4096, 512, 10];
const PICTURE: usize = 500 * 374;
const PICTURES: usize = 16;

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
    if let Err(error) = describe(&mut group, backend).and_then(|()| learning(&mut group, backend)) {
        println!("{device}: stopped, {error}");
    }
    group.finish();
}

type Outcome = Result<(), huemax::backend::DeviceError>;

/// Runs a stage and waits for it.
fn measure<B: Backend>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    backend: &B,
    name: &str,
    work: Throughput,
    wait: &B::Array<f32>,
    mut stage: impl FnMut() -> Outcome,
) -> Outcome {
    stage()?;
    group.throughput(work);
    let mut outcome = Ok(());
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let done = stage().and_then(|()| backend.download(wait, 1).map(|v| drop(black_box(v))));
            if done.is_err() {
                outcome = done;
            }
        });
    });
    outcome
}

fn describe<B: Backend>(group: &mut BenchmarkGroup<'_, WallTime>, backend: &B) -> Outcome {
    let Ok(bins) = Bins::new([8, 8, 8]) else { return Ok(()) };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut noise = vec![0; 3 * PICTURE];
    random.fill_bytes(&mut noise);
    let flat = [90, 140, 60].repeat(PICTURE);
    // Neighbours resemble each other, as in photographs.
    let smooth: Vec<u8> =
        (0..PICTURE).flat_map(|i| [i / 900, i / 300 % 500 / 2, i % 374 / 2].map(|v| v as u8)).collect();
    let mut counts = backend.zeros::<u32>(PICTURES * bins.len())?;
    let mut features = backend.zeros::<f32>(PICTURES * bins.len())?;
    let wait = backend.zeros::<f32>(1)?;
    measure(group, backend, "readback", Throughput::Elements(1), &wait, || Ok(()))?;
    for (name, rgb) in [("flat", flat), ("smooth", smooth), ("noise", noise)] {
        let mut pictures = Pictures::new();
        (0..PICTURES).for_each(|_| pictures.push(&rgb));
        let pixels = Throughput::Elements((PICTURES * PICTURE) as u64);
        measure(group, backend, &format!("describe/{name}"), pixels, &wait, || {
            backend.describe(&pictures, &bins, &mut counts)
        })?;
    }
    let work = Throughput::Elements((PICTURES * bins.len()) as u64);
    measure(group, backend, "normalize", work, &wait, || {
        backend.normalize(&counts, PICTURES, bins.len(), &mut features)
    })
}

fn learning<B: Backend>(group: &mut BenchmarkGroup<'_, WallTime>, backend: &B) -> Outcome {
    let [n, columns, outputs] = SHAPE;
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut numbers =
        |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-1.0..1.0)).collect() };
    let len = outputs * (columns + 1);
    let features = backend.upload(&numbers(n * columns))?;
    let mut parameters = backend.upload(&numbers(len))?;
    let index = backend.upload(&(0..n as u32).collect::<Vec<_>>())?;
    let labels = backend.upload(&(0..n as u32).map(|i| i % outputs as u32).collect::<Vec<_>>())?;
    let mut scores = backend.zeros::<f32>(n * outputs)?;
    let mut residual = backend.zeros::<f32>(n * outputs)?;
    let mut losses = backend.zeros::<f32>(n)?;
    let splits = backend.splits(n, columns, outputs).count;
    let mut partials = backend.zeros::<f32>(splits * len)?;
    let mut gradient = backend.zeros::<f32>(len)?;
    let mut velocity = backend.zeros::<f32>(len)?;
    let wait = backend.zeros::<f32>(1)?;
    let rows = Rows { features: &features, columns, index: &index, first: 0, count: n };

    let products = Throughput::Elements((n * columns * outputs) as u64);
    measure(group, backend, "scores", products.clone(), &wait, || {
        backend.scores(&rows, &parameters, outputs, &mut scores)
    })?;
    measure(group, backend, "softmax", Throughput::Elements((n * outputs) as u64), &wait, || {
        backend.softmax(&rows, &labels, &scores, outputs, &mut residual, &mut losses)
    })?;
    measure(group, backend, "gradient", products, &wait, || {
        backend.gradient(&rows, &residual, outputs, &mut partials)
    })?;
    measure(group, backend, "reduce", Throughput::Elements((splits * len) as u64), &wait, || {
        backend.reduce(&partials, splits, len, &mut gradient, 0, false)
    })?;
    // A rate of zero: the parameters stay what they are, however often this runs.
    let size = Step { learning_rate: 0.0, momentum: 0.9, l2: 1e-3, scale: 1.0 / n as f32 };
    measure(group, backend, "step", Throughput::Elements(len as u64), &wait, || {
        backend.step(&mut parameters, &mut velocity, &gradient, outputs * columns, len, size)
    })
}

criterion_group!(benches, stages);
criterion_main!(benches);
