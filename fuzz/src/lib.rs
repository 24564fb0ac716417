//! What all fuzz targets do: give one of the readers of `tests/damaged` whatever the fuzzer thinks of, and hold it to its bound of
//! memory. Time is bounded by the fuzzer (`-timeout`).

#[allow(dead_code)] // what makes the files to begin with
#[path = "../../tests/damaged/readers.rs"]
mod readers;

use std::cell::OnceCell;
use std::path::Path;

use peak_alloc::PeakAlloc;
use tempfile::TempDir;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

thread_local!(static FOLDER: OnceCell<TempDir> = const { OnceCell::new() });

/// A folder in memory, where there is one.
fn folder() -> TempDir {
    // The fuzzer ends at any panic; one that becomes an error is no finding.
    huemax::guard::quiet_guarded_panics();
    let memory = Path::new("/dev/shm");
    let here = memory.is_dir().then(|| tempfile::tempdir_in(memory).ok()).flatten();
    here.unwrap_or_else(|| tempfile::tempdir().expect("a folder"))
}

/// Reads `bytes` as a file of the kind `name`.
///
/// # Panics
/// The reader does, or takes more memory than it may.
pub fn run(name: &str, bytes: &[u8]) {
    FOLDER.with(|at| {
        let mut warm = true;
        let at = at.get_or_init(|| {
            warm = false;
            folder()
        });
        let kind = readers::KINDS.iter().find(|kind| kind.name == name).expect("a kind of this name");
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        (kind.read)(at.path(), bytes);
        let (took, (each, base)) = (MEMORY.peak_usage().saturating_sub(before), kind.memory);
        let allowed = each * bytes.len() + base;
        // The first run makes what all share.
        if warm && took > allowed {
            eprintln!(
                "{} bytes of a {name} took {took} bytes of memory, and may take {allowed}",
                bytes.len()
            );
            std::process::abort();
        }
    });
}
