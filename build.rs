//! Which commit a binary was built from: benchmark runs say so. Without git it is `unknown`.

use std::process::Command;

fn main() {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(&here).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // Not the commit of a repository that this package only lies in.
    let ours = git(&["rev-parse", "--show-prefix"]).is_some_and(|prefix| prefix.is_empty());
    let commit = git(&["rev-parse", "--short", "HEAD"]).filter(|_| ours).map(|commit| {
        let clean =
            git(&["status", "--porcelain", "--", "src", "shaders", "Cargo.toml", "Cargo.lock", "build.rs"]);
        if clean.is_some_and(|changes| changes.is_empty()) { commit } else { commit + "+changes" }
    });
    println!("cargo:rustc-env=HUEMAX_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    for path in ["src", "shaders", "Cargo.toml", "Cargo.lock", "build.rs"] {
        println!("cargo:rerun-if-changed={path}");
    }
    // A path that is not there would mean "always".
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|_| ours) {
        let log = std::path::Path::new(&here).join(log);
        if log.exists() {
            println!("cargo:rerun-if-changed={}", log.display());
        }
    }
}
