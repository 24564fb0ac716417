//! What host and shader must agree on, read out of the WGSL itself.

use std::path::Path;

use huemax::backend::gpu::{SHADERS, STORAGE_BUFFERS, shared_constants, shared_structures};
use libtest_mimic::Trial;
use wgpu::naga::{AddressSpace, Expression, Literal, Module, TypeInner, front::wgsl};

use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "shaders::every_file_is_compiled_in", every_file_is_compiled_in);
    plain(trials, "shaders::structures_are_laid_out_as_on_the_host", structures_are_laid_out_as_on_the_host);
    plain(trials, "shaders::constants_are_those_of_the_host", constants_are_those_of_the_host);
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
        // A second shader of a stage says so behind the name of the stage.
        let name = name.split('_').next().expect("a name");
        for room in ["cpu", "gpu"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/backend/{room}/{name}.rs"));
            assert!(file.exists(), "{} is missing", file.display());
        }
    }
}

fn structures_are_laid_out_as_on_the_host() {
    for (name, module) in modules() {
        let host = shared_structures(name);
        let structures = module.types.iter().filter_map(|(_, ty)| match &ty.inner {
            TypeInner::Struct { members, span } => {
                Some((ty.name.as_deref().expect("a name"), members, *span as usize))
            }
            _ => None,
        });
        let mut seen = 0;
        for (structure, members, span) in structures {
            let (_, fields, size) = host
                .iter()
                .find(|(n, ..)| *n == structure)
                .unwrap_or_else(|| panic!("{name}: {structure} is not shared"));
            let members: Vec<(&str, usize)> =
                members.iter().map(|m| (m.name.as_deref().expect("a name"), m.offset as usize)).collect();
            assert_eq!(&members, fields, "{name}: {structure}");
            assert_eq!(span, *size, "{name}: {structure}");
            seen += 1;
        }
        assert_eq!(seen, host.len(), "{name}");
        let uniform = module.global_variables.iter().find(|(_, v)| v.space == AddressSpace::Uniform);
        let binding =
            uniform.and_then(|(_, v)| v.binding).unwrap_or_else(|| panic!("{name} has no configuration"));
        assert_eq!(binding.binding, 0, "{name}");
    }
}

fn constants_are_those_of_the_host() {
    let mut compared = 0;
    for (name, module) in modules() {
        for (constant, host) in shared_constants(name) {
            let (_, found) = (module.constants.iter())
                .find(|(_, c)| c.name.as_deref() == Some(constant))
                .unwrap_or_else(|| panic!("{name} has no {constant}"));
            let value = match module.global_expressions[found.init] {
                Expression::Literal(Literal::U32(v)) => u64::from(v),
                ref other => panic!("{name}: {constant} is {other:?}"),
            };
            assert_eq!(value, host, "{name}: {constant}");
            compared += 1;
        }
    }
    assert!(compared >= 6, "only {compared} constants were compared");
}

/// Storage buffers in a row from binding 1, no more than adapters are asked for.
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
        assert!(bindings.len() as u64 <= STORAGE_BUFFERS, "{name} binds {} buffers", bindings.len());
        let entry = module
            .entry_points
            .iter()
            .find(|e| e.name == "main")
            .unwrap_or_else(|| panic!("{name}: no main"));
        assert!(entry.workgroup_size.iter().product::<u32>() <= 256, "{name}");
    }
}
