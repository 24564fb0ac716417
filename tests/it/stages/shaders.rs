//! What host and shader must agree on, read out of the WGSL itself.

use std::path::Path;

use huemax::backend::gpu::{SHADERS, config_size};
use libtest_mimic::Trial;
use wgpu::naga::{AddressSpace, Module, TypeInner, front::wgsl};

use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "shaders::every_file_is_compiled_in", every_file_is_compiled_in);
    plain(
        trials,
        "shaders::configurations_have_the_size_the_host_sends",
        configurations_have_the_size_the_host_sends,
    );
    plain(trials, "shaders::limits_of_every_adapter_are_kept", limits_of_every_adapter_are_kept);
    plain(trials, "shaders::cpu_files_have_the_same_names", cpu_files_have_the_same_names);
}

fn modules() -> impl Iterator<Item = (&'static str, Module)> {
    SHADERS.into_iter().map(|(name, source)| {
        (name, wgsl::parse_str(source).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(source))))
    })
}

fn every_file_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("shaders/")
        .map(|f| f.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<String> = SHADERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names);
}

fn cpu_files_have_the_same_names() {
    for (name, _) in SHADERS {
        for room in ["cpu", "gpu"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/backend/{room}/{name}.rs"));
            assert!(file.exists(), "{} is missing", file.display());
        }
    }
}

fn configurations_have_the_size_the_host_sends() {
    for (name, module) in modules() {
        let uniform = module
            .global_variables
            .iter()
            .find(|(_, v)| v.space == AddressSpace::Uniform)
            .unwrap_or_else(|| panic!("{name} has no configuration"));
        let TypeInner::Struct { span, .. } = module.types[uniform.1.ty].inner else {
            panic!("{name}: the configuration is no structure");
        };
        assert_eq!(Some(span as usize), config_size(name), "{name}");
        assert_eq!(uniform.1.binding.expect("a binding").binding, 0, "{name}");
    }
}

/// Storage buffers in a row from binding 1, at most eight of them (WebGPU's default limit).
fn limits_of_every_adapter_are_kept() {
    for (name, module) in modules() {
        let mut bindings: Vec<u32> = module
            .global_variables
            .iter()
            .filter(|(_, v)| matches!(v.space, AddressSpace::Storage { .. }))
            .map(|(_, v)| v.binding.expect("a binding").binding)
            .collect();
        bindings.sort_unstable();
        let expected: Vec<u32> = (1..=bindings.len() as u32).collect();
        assert_eq!(bindings, expected, "{name}");
        assert!(bindings.len() <= 8, "{name} binds {} buffers", bindings.len());
        let entry = module
            .entry_points
            .iter()
            .find(|e| e.name == "main")
            .unwrap_or_else(|| panic!("{name}: no main"));
        assert!(entry.workgroup_size.iter().product::<u32>() <= 256, "{name}");
    }
}
