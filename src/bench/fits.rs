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
            0 => "fewer columns are needed".to_owned(),
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
    // One copy of the features on the host and one in each backend: a GPU is compared with the CPU.
    let copies = if info.kind == DeviceKind::Cpu { 1 } else { 2 };
    let sparse = (SPARSE_SHARE * 8.0 * columns as f64) as u128;
    let row = 4 * d + sparse + copies * (4 * (d + 2 * k + 3 + k.div_ceil(32)) + sparse);
    let others = copies * (6 * parameters + PARTIALS) + 2 * PARTIALS;
    let mut system = System::new();
    system.refresh_memory();
    let free = (system.available_memory() as f64 * SHARE) as u128;
    if system.available_memory() > 0 && n * row + others > free {
        let most = free.saturating_sub(others) / row;
        let way_out = if most == 0 {
            "fewer columns and outputs are needed".to_owned()
        } else {
            format!("with D = {d} and K = {k}, N up to {most} fits")
        };
        return fail(format!(
            "{shape} needs about {} of memory, and of what is free {} can be used; {way_out}",
            size(n * row + others),
            size(free),
        ));
    }
    Ok(())
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
    fn what_does_not_fit_is_told_with_what_would() {
        let cpu = Cpu::new();
        let shape = |rows, columns, outputs| Shape { rows, columns, outputs };
        assert!(fits(&cpu, shape(64, 8, 3)).is_ok());
        let error = fits(&cpu, shape(4_000_000_000, 512, 10)).unwrap_err().to_string();
        assert!(error.contains("--size: 4000000000×512×10") && error.contains("N up to"), "{error}");
        let error = fits(&cpu, shape(usize::MAX, usize::MAX, usize::MAX)).unwrap_err().to_string();
        assert!(error.contains("fit"), "{error}");
    }
}
