//! `huemax devices`

use serde::Serialize;

use crate::backend::gpu::Adapter;
use crate::backend::{Choice, DeviceInfo, DeviceKind, list};
use crate::cli::output;
use crate::error::Result;

/// List the devices of this machine, and which one `--device auto` takes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// One line of the list.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    /// What `--device` takes for it.
    pub(super) device: String,
    /// In wgpu's words; for the processor, `Cpu`.
    r#type: String,
    #[serde(flatten)]
    info: DeviceInfo,
    limits: Vec<Limit>,
}

impl Entry {
    pub(super) fn cpu(info: &DeviceInfo) -> Self {
        Self { device: "cpu".into(), r#type: "Cpu".into(), info: info.clone(), limits: Vec::new() }
    }

    pub(super) fn gpu(device: String, adapter: &Adapter) -> Self {
        let limit = |(name, has, needs)| Limit { name, has, needs };
        Self {
            device,
            r#type: adapter.device_type(),
            info: adapter.info().clone(),
            limits: adapter.limits().into_iter().map(limit).collect(),
        }
    }

    /// Several lines: name, kind, driver and limits.
    pub(super) fn text(&self) -> String {
        let Self { device, r#type, info, limits } = self;
        let mut text = format!("{device:<6} {}\n", info.name);
        let kind = match info.kind {
            DeviceKind::Cpu => format!("processor, {} threads", info.threads),
            _ if limits.iter().any(|limit| limit.has < limit.needs) => {
                format!("({type}) TOO SMALL to be used, see its limits; --device cpu can do everything")
            }
            DeviceKind::Hardware => format!("hardware ({type})"),
            DeviceKind::Software => {
                "software: computes on the processor, right and slower than --device cpu; used only when named".into()
            }
        };
        text += &format!("       {kind}\n       {}, {}\n", info.backend, info.driver);
        if info.kind != DeviceKind::Cpu {
            text += &format!("       largest array {} MiB\n", info.max_array_bytes >> 20);
        }
        for Limit { name, has, needs } in limits {
            let enough = if has >= needs { "" } else { "  TOO SMALL" };
            text += &format!("       {name:<36} {has:>14}  (needs {needs}){enough}\n");
        }
        text
    }
}

#[derive(Debug, Serialize)]
struct Limit {
    name: &'static str,
    has: u64,
    needs: u64,
}

#[derive(Debug, Serialize)]
struct List {
    devices: Vec<Entry>,
    auto: String,
    reason: String,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let listing = list();
    let found = listing.find(&Choice::Auto)?;
    let auto = found.number.map_or("cpu".into(), |n| format!("gpu:{n}"));
    let cpu = Entry::cpu(&listing.cpu);
    let gpus =
        (listing.adapters.iter().enumerate()).map(|(n, adapter)| Entry::gpu(format!("gpu:{n}"), adapter));
    let devices = std::iter::once(cpu).chain(gpus).collect();
    let list = List { devices, auto, reason: found.notes.join("; ") };
    if args.json { output::print_json(&list) } else { output::print(&text(&list)) }
}

fn text(list: &List) -> String {
    let mut text = String::new();
    for entry in &list.devices {
        text += &entry.text();
        text.push('\n');
    }
    if list.devices.len() == 1 {
        text += "no GPU was found; drivers for one come with the system (on Debian and Ubuntu, the package \
                 mesa-vulkan-drivers or the vendor's)\n\n";
    }
    text + &format!("--device auto takes {}\n", list.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_adapter_lacks_is_marked() {
        let info = DeviceInfo {
            name: "Mali-400".into(),
            backend: "vulkan".into(),
            driver: "lima".into(),
            kind: DeviceKind::Hardware,
            max_array_bytes: 16 << 20,
            threads: 0,
        };
        let limit = |name, has, needs| Limit { name, has, needs };
        let limits = vec![limit("maxComputeWorkgroupStorageSize", 8192, 16_384), limit("maxArrays", 8, 7)];
        let entry = Entry { device: "gpu:0".into(), r#type: "IntegratedGpu".into(), info, limits };
        let text = entry.text();
        assert!(
            text.contains("(IntegratedGpu) TOO SMALL to be used") && text.contains("--device cpu"),
            "{text}"
        );
        let line = |name| text.lines().find(|line| line.contains(name)).unwrap();
        assert!(line("maxComputeWorkgroupStorageSize").ends_with("8192  (needs 16384)  TOO SMALL"), "{text}");
        assert!(line("maxArrays").ends_with("(needs 7)"), "{text}");
        let sound = Entry { limits: vec![limit("maxArrays", 8, 7)], ..entry };
        assert!(sound.text().contains("hardware (IntegratedGpu)\n"), "{}", sound.text());
    }

    #[test]
    fn without_a_gpu_the_list_says_where_drivers_come_from() {
        let cpu = Entry::cpu(&list().cpu);
        let list =
            List { devices: vec![cpu], auto: "cpu".into(), reason: "the CPU: no GPU was found".into() };
        let text = text(&list);
        assert!(text.contains("mesa-vulkan-drivers"), "{text}");
        assert!(text.ends_with("--device auto takes the CPU: no GPU was found\n"), "{text}");
    }
}
