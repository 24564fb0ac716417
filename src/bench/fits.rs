//! Whether sizes fit the device and the memory of this machine; what would, where they do not.

use sysinfo::System;

use super::Shape;
use super::inputs::SPARSE_SHARE;
use crate::backend::{Backend, DeviceKind};
use crate::error::{Error, Result};

/// Share of the free memory that a measurement may take.
const SHARE: f64 = 0.8;
/// Bytes that partial sums take at most; see [`Splits`](crate::backend::Splits).
const PARTIALS: u128 = 256 << 20;

/// Fails where arrays of `shape` are larger than `backend` holds, or than the memory that is free.
pub(super) fn fits<B: Backend>(backend: &B, shape: Shape) -> Result<()> {
    let info = backend.info();
    let limit = u128::from(info.max_array_bytes);
    let Shape { rows, columns, outputs } = shape;
    let [n, d, k] = [rows, columns, outputs].map(|v| v as u128);
    let fail = |problem: String| Err(Error::option("--size", problem));
    let most = u128::from(u32::MAX - 1);
    if n.max(d).max(k) > most {
        return fail(format!(
            "{shape}: rows, columns and outputs are counted in 32 bits; up to {most} each fit"
        ));
    }
    let parameters = 4 * (k * (d + 1) + 1);
    if parameters > limit {
        let way_out = match (limit / 4).saturating_sub(1) / (d + 1) {
            0 => format!("with K = 1, D up to {} fits", (limit / 4).saturating_sub(2)),
            most => format!("with D = {d}, K up to {most} fits"),
        };
        return fail(format!(
            "{shape} needs {} for the parameters alone, and {} holds at most {} in one array; {way_out}",
            size(parameters),
            info.name,
            size(limit),
        ));
    }
    let most = limit / (4 * d.max(k));
    if n > most {
        return fail(format!(
            "{shape} needs an array of {}, and {} holds at most {} in one; with D = {d} and K = {k}, N up to {most} fits",
            size(4 * n * d.max(k)),
            info.name,
            size(limit),
        ));
    }
    let free = available();
    if free.is_some_and(|free| needed(n, d, k, info.kind) > free) {
        let free = free.unwrap_or_default();
        let fits = |n, d, k| needed(n, d, k, info.kind) <= free;
        let way_out =
            match (largest(|n| fits(n, d, k)), largest(|d| fits(1, d, k)), largest(|k| fits(1, 1, k))) {
                (Some(n), ..) => format!("with D = {d} and K = {k}, N up to {n} fits"),
                (_, Some(d), _) => format!("with N = 1 and K = {k}, D up to {d} fits"),
                (.., Some(k)) => format!("with N = 1 and D = 1, K up to {k} fits"),
                _ => "end other programs: not even 1×1×1 fits".into(),
            };
        return fail(format!(
            "{shape} needs about {} of memory, and of what is free {} can be used; {way_out}",
            size(needed(n, d, k, info.kind)),
            size(free),
        ));
    }
    Ok(())
}

/// Bytes of memory that may be used; `None` where the system does not say.
fn available() -> Option<u128> {
    let mut system = System::new();
    system.refresh_memory();
    (system.available_memory() > 0).then(|| (system.available_memory() as f64 * SHARE) as u128)
}

/// About as many bytes of memory as measuring takes: one copy of the features on the host and one in each backend, as a GPU is
/// compared with the CPU.
fn needed(n: u128, d: u128, k: u128, kind: DeviceKind) -> u128 {
    let copies = if kind == DeviceKind::Cpu { 1 } else { 2 };
    let sparse = (SPARSE_SHARE * 8.0 * d as f64) as u128;
    let row = 4 * d + sparse + copies * (4 * (d + 2 * k + 3 + k.div_ceil(32)) + sparse);
    n * row + copies * (6 * 4 * (k * (d + 1) + 1) + PARTIALS) + 2 * PARTIALS
}

/// The largest number from 1 to 2³² that `fits`, of those of which every smaller one does.
fn largest(fits: impl Fn(u128) -> bool) -> Option<u128> {
    let (mut fit, mut too_many) = (0, 1 << 32);
    while fit + 1 < too_many {
        let middle = (fit + too_many) / 2;
        *(if fits(middle) { &mut fit } else { &mut too_many }) = middle;
    }
    (fit > 0).then_some(fit)
}

/// Bytes for people.
fn size(bytes: u128) -> String {
    match bytes {
        b if b >= 10 << 30 => format!("{} GiB", b >> 30),
        b if b >= 10 << 20 => format!("{} MiB", b >> 20),
        b => format!("{b} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;

    #[test]
    fn the_largest_that_fits_is_found() {
        for most in [1, 2, 3, 1000, (1 << 32) - 1] {
            assert_eq!(largest(|n| n <= most), Some(most));
        }
        assert_eq!(largest(|_| false), None);
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        let cpu = Cpu::new();
        let shape = |rows, columns, outputs| Shape { rows, columns, outputs };
        assert!(fits(&cpu, shape(64, 8, 3)).is_ok());
        let error = fits(&cpu, shape(4_000_000_000, 512, 10)).unwrap_err().to_string();
        assert!(error.contains("--size: 4000000000×512×10") && error.contains("N up to"), "{error}");
        let error = fits(&cpu, shape(1, 4_000_000_000, 1)).unwrap_err().to_string();
        assert!(
            error.contains("with N = 1 and K = 1, D up to") || error.contains("with K = 1, D up to"),
            "{error}"
        );
        let error = fits(&cpu, shape(usize::MAX, usize::MAX, usize::MAX)).unwrap_err().to_string();
        assert!(error.contains("fit"), "{error}");
    }
}
