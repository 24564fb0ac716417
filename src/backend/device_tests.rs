use super::*;

#[test]
fn choices_are_read() {
    assert_eq!("auto".parse(), Ok(Choice::Auto));
    assert_eq!("CPU".parse(), Ok(Choice::Cpu));
    assert_eq!("gpu:2".parse(), Ok(Choice::Number(2)));
    assert_eq!("llvmpipe".parse(), Ok(Choice::Name("llvmpipe".into())));
    for text in ["auto", "cpu", "gpu", "gpu:2", "llvmpipe"] {
        assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
    }
    assert!("gpu:x".parse::<Choice>().is_err());
    assert!("".parse::<Choice>().is_err());
}

/// A machine that is made up: names of its GPUs, those that begin with `soft` of software drivers, those with `small` in
/// their name too small.
struct Machine(Vec<(DeviceInfo, Option<Lack>)>);

impl Machine {
    fn with(names: &[&str]) -> Self {
        let lack = Lack { limit: "maxComputeWorkgroupStorageSize", has: 8192, needs: 16_384 };
        let one = |(n, name): (usize, &&str)| {
            let kind = if name.starts_with("soft") { DeviceKind::Software } else { DeviceKind::Hardware };
            let info = DeviceInfo {
                name: (*name).into(),
                backend: if n % 2 == 0 { "vulkan" } else { "dx12" }.into(),
                driver: "1.0".into(),
                kind,
                max_array_bytes: 1 << 30,
                threads: 0,
            };
            (info, name.contains("small").then_some(lack))
        };
        Self(names.iter().enumerate().map(one).collect())
    }

    fn find(&self, choice: &str) -> Result<(Option<usize>, String), String> {
        let all: Vec<_> = self.0.iter().map(|(info, lacks)| Candidate { info, lacks: *lacks }).collect();
        let found = find(&all, &choice.parse().unwrap());
        found.map(|(number, notes)| (number, notes.join("\n"))).map_err(|e| e.to_string())
    }
}

#[test]
fn without_a_gpu_auto_is_the_cpu_and_gpu_an_error_that_says_how_to_get_one() {
    let machine = Machine::with(&[]);
    assert_eq!(machine.find("auto"), Ok((None, "the CPU: no GPU was found".into())));
    assert_eq!(machine.find("cpu"), Ok((None, String::new())));
    for choice in ["gpu", "gpu:3", "nvidia"] {
        let error = machine.find(choice).unwrap_err();
        assert!(error.starts_with(&format!("--device {choice}: no GPU was found; drivers")), "{error}");
        assert!(
            error.contains("mesa-vulkan-drivers") && error.ends_with("--device cpu needs none"),
            "{error}"
        );
    }
}

#[test]
fn of_two_gpus_each_has_a_number_and_a_name() {
    let machine = Machine::with(&["NVIDIA H100", "AMD Radeon RX 7900", "soft llvmpipe"]);
    for (choice, number) in [("auto", 0), ("gpu", 0), ("gpu:1", 1), ("h100", 0), ("radeon", 1), ("amd", 1)] {
        assert_eq!(machine.find(choice).unwrap().0, Some(number), "{choice}");
    }
    assert_eq!(machine.find("auto").unwrap().1, "gpu:0 (NVIDIA H100, vulkan), the first hardware GPU");
    assert_eq!(machine.find("gpu:1").unwrap().1, "", "what was asked for needs no words");
    let error = machine.find("gpu:3").unwrap_err();
    assert!(
        error.contains("\"gpu:3\"") && error.contains("cpu, gpu:0 (NVIDIA H100, vulkan), gpu:1"),
        "{error}"
    );
    assert!(machine.find("intel").unwrap_err().contains("gpu:2 (soft llvmpipe, vulkan)"));
}

#[test]
fn a_name_that_may_mean_several_says_so() {
    let machine = Machine::with(&["NVIDIA A100", "NVIDIA H100", "NVIDIA H100 NVL"]);
    let error = machine.find("nvidia").unwrap_err();
    assert!(
        error.contains("may mean gpu:0 (NVIDIA A100, vulkan) or gpu:1 (NVIDIA H100, dx12) or"),
        "{error}"
    );
    assert!(error.ends_with("give more of the name, or its number"), "{error}");
    // In full it means one.
    assert_eq!(machine.find("nvidia h100"), Ok((Some(1), String::new())));
    // Two of a kind, or one with two drivers: either will do.
    let twins = Machine::with(&["NVIDIA H100", "NVIDIA H100"]);
    let (number, notes) = twins.find("h100").unwrap();
    assert_eq!(number, Some(0));
    assert_eq!(notes, "gpu:0 (NVIDIA H100, vulkan) is taken; of the same name is gpu:1 (NVIDIA H100, dx12)");
}

#[test]
fn what_is_too_small_is_passed_over_unless_it_is_named() {
    let machine = Machine::with(&["small Mali", "NVIDIA H100"]);
    for choice in ["auto", "gpu"] {
        let (number, notes) = machine.find(choice).unwrap();
        assert_eq!(number, Some(1), "{choice}");
        let why = "gpu:0 (small Mali, vulkan) is passed over: maxComputeWorkgroupStorageSize is 8192 and has to be 16384";
        assert!(notes.contains(why), "{notes}");
    }
    // Opening it says what it lacks.
    for choice in ["gpu:0", "mali"] {
        assert_eq!(machine.find(choice), Ok((Some(0), String::new())), "{choice}");
    }
    let (number, notes) = Machine::with(&["small Mali", "soft llvmpipe"]).find("auto").unwrap();
    assert_eq!(number, None);
    assert!(notes.starts_with("the CPU: no GPU has what the kernels need\ngpu:0 (small Mali"), "{notes}");
    assert_eq!(Machine::with(&["small Mali"]).find("gpu").unwrap().0, Some(0));
}

#[test]
fn a_software_driver_is_used_only_when_named_and_called_slow() {
    let machine = Machine::with(&["soft llvmpipe"]);
    let (number, notes) = machine.find("auto").unwrap();
    assert_eq!((number, notes.contains("only a software driver (soft llvmpipe)")), (None, true), "{notes}");
    for choice in ["gpu", "gpu:0", "llvm"] {
        let (number, notes) = machine.find(choice).unwrap();
        assert_eq!(number, Some(0));
        assert!(notes.contains("is a software driver") && notes.contains("slower"), "{notes}");
    }
}
