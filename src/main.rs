//! The command line: parse, run, exit code (0 done, 1 failed, 2 wrong usage).

use std::process::ExitCode;

fn main() -> ExitCode {
    quiet_mesa();
    huemax::cli::main()
}

/// Mesa has a Vulkan layer that reorders adapters by the display, and without a display it writes
/// "error: XDG_RUNTIME_DIR is invalid" as the first line of everything. Adapters are ordered here; the layer is switched off.
fn quiet_mesa() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: the process has only this thread yet, so nobody reads the environment meanwhile.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
}
