//! `huemax devices`

use serde::Serialize;

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
struct Entry {
    /// What `--device` takes for it.
    device: String,
    /// In wgpu's words; for the processor, `Cpu`.
    r#type: String,
    #[serde(flatten)]
    info: DeviceInfo,
    limits: Vec<Limit>,
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
    let (chosen, reason) = listing.find(&Choice::Auto)?;
    let auto = match chosen.and_then(|a| listing.adapters.iter().position(|b| std::ptr::eq(a, b))) {
        Some(n) => format!("gpu:{n}"),
        None => "cpu".into(),
    };
    let cpu =
        Entry { device: "cpu".into(), r#type: "Cpu".into(), info: listing.cpu.clone(), limits: Vec::new() };
    let gpus = listing.adapters.iter().enumerate().map(|(n, adapter)| Entry {
        device: format!("gpu:{n}"),
        r#type: adapter.device_type(),
        info: adapter.info().clone(),
        limits: adapter.limits().into_iter().map(|(name, has, needs)| Limit { name, has, needs }).collect(),
    });
    let devices = std::iter::once(cpu).chain(gpus).collect();
    let list = List { devices, auto, reason: reason.trim_start_matches("auto: ").into() };
    if args.json { output::print_json(&list) } else { output::print(&text(&list)) }
}

fn text(list: &List) -> String {
    let mut text = String::new();
    for Entry { device, r#type, info, limits } in &list.devices {
        text += &format!("{device:<6} {}\n", info.name);
        let kind = match info.kind {
            DeviceKind::Cpu => format!("processor, {} threads", info.threads),
            DeviceKind::Hardware => format!("hardware ({type})"),
            DeviceKind::Software => "software: right, and slow; used only when named".into(),
        };
        text += &format!("       {kind}\n       {}, {}\n", info.backend, info.driver);
        if info.kind != DeviceKind::Cpu {
            text += &format!("       largest array {} MiB\n", info.max_array_bytes >> 20);
        }
        for Limit { name, has, needs } in limits {
            let enough = if has >= needs { "" } else { "  TOO SMALL" };
            text += &format!("       {name:<36} {has:>14}  (needs {needs}){enough}\n");
        }
        text += "\n";
    }
    if list.devices.len() == 1 {
        text += "no GPU was found; drivers for one come with the system (on Debian and Ubuntu, the package \
                 mesa-vulkan-drivers or the vendor's)\n\n";
    }
    text + &format!("--device auto takes {}: {}\n", list.auto, list.reason)
}
