//! What the tests share: devices, data, and telling apart "ignored" from "passed".

use std::path::PathBuf;
use std::sync::OnceLock;

use huemax::backend::{Backend, Cpu, Gpu, gpu};
use libtest_mimic::{Failed, Trial};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The CPU, or why not.
pub fn cpu() -> &'static Cpu {
    static CPU: OnceLock<Cpu> = OnceLock::new();
    CPU.get_or_init(Cpu::new)
}

/// The adapters of this machine, looked for once.
pub fn adapters() -> &'static [gpu::Adapter] {
    static ADAPTERS: OnceLock<Vec<gpu::Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(gpu::adapters)
}

/// The first adapter, be it a software driver, or why there is none.
pub fn gpu() -> Result<&'static Gpu, String> {
    static GPU: OnceLock<Result<Gpu, String>> = OnceLock::new();
    let open = || {
        let adapters = gpu::adapters();
        let adapter =
            adapters.first().ok_or("there is no GPU adapter; tests/run.sh installs a software one")?;
        adapter.open().map_err(|e| e.to_string())
    };
    GPU.get_or_init(open).as_ref().map_err(Clone::clone)
}

/// The same adapter as [`gpu`], with arrays of at most 1 MiB and no more than WebGPU guarantees.
pub fn small_gpu() -> &'static Gpu {
    static SMALL: OnceLock<Gpu> = OnceLock::new();
    SMALL.get_or_init(|| adapters()[0].open_within(1 << 20).expect("a small device"))
}

/// Whether a missing adapter is a failure.
fn gpu_required() -> bool {
    std::env::var_os("HUEMAX_REQUIRE_GPU").is_some_and(|v| v != "0")
}

/// Registers a test once for the CPU and once for the GPU.
pub fn on_both(
    trials: &mut Vec<Trial>,
    name: &str,
    on_cpu: impl FnOnce(&Cpu) + Send + 'static,
    on_gpu: impl FnOnce(&Gpu) + Send + 'static,
) {
    trials.push(Trial::test(format!("cpu::{name}"), move || {
        on_cpu(cpu());
        Ok(())
    }));
    on_gpu_only(trials, name, on_gpu);
}

/// Registers a test for the GPU.
pub fn on_gpu_only(trials: &mut Vec<Trial>, name: &str, test: impl FnOnce(&Gpu) + Send + 'static) {
    // An adapter that is there and cannot be opened is a failure, not an absence.
    let ignored = !gpu_required() && adapters().is_empty();
    let run = move || {
        test(gpu().map_err(Failed::from)?);
        Ok(())
    };
    trials.push(Trial::test(format!("gpu::{name}"), run).with_ignored_flag(ignored));
}

/// Registers a test without a device.
pub fn plain(trials: &mut Vec<Trial>, name: &str, test: impl FnOnce() + Send + 'static) {
    trials.push(Trial::test(name, move || {
        test();
        Ok(())
    }));
}

/// `on_both!(trials, module::function)` for a test that is generic over the backend.
#[macro_export]
macro_rules! on_both {
    ($trials:expr, $($path:ident)::+) => {
        $crate::support::on_both($trials, stringify!($($path)::+).replace(' ', "").as_str(), $($path)::+, $($path)::+)
    };
}

/// The shared data beside the checkout, if it is there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    path.exists().then_some(path)
}

/// A fixture of the project.
pub fn fixture(name: &str) -> serde_json::Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Random numbers, the same in every run.
pub fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// `n` numbers, evenly from −size to size.
pub fn uniform(rng: &mut impl Rng, n: usize, size: f32) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(-size..=size)).collect()
}

/// f32 as the reference takes it.
pub fn f64s(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// An output array that holds garbage, so that "not written" never looks right.
pub fn poisoned<B: Backend>(backend: &B, len: usize) -> B::Array<f32> {
    backend.upload(&vec![f32::NAN; len]).expect("an array")
}

/// The same for counts.
pub fn poisoned_counts<B: Backend>(backend: &B, len: usize) -> B::Array<u32> {
    backend.upload(&vec![0xDEAD_BEEFu32; len]).expect("an array")
}
