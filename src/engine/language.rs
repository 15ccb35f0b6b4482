//! What both engines say of the language they run, and what they do to the
//! process before they start.

use crate::library::Toolchain;
use pillars_kernel::{Language, Object};
use serde_json::json;

/// What `kernel_info_reply` says.
pub fn language(toolchain: Option<&Toolchain>) -> Language {
    let release = toolchain.map_or("", |toolchain| toolchain.release());
    let version = release.split_whitespace().nth(1).unwrap_or("unknown");
    let info = json!({
        "name": "rust",
        "version": version,
        "mimetype": "text/x-rustsrc",
        "codemirror_mode": "rust",
        "file_extension": ".rs",
        "pygments_lexer": "rust",
        "nbconvert_exporter": "script",
    });
    Language {
        implementation: ("pillars", env!("CARGO_PKG_VERSION")),
        banner: format!("Pillars {}: Rust {version}", env!("CARGO_PKG_VERSION")),
        info: info.as_object().cloned().unwrap_or_else(Object::new),
        help_links: vec![
            ("The Rust book", "https://doc.rust-lang.org/book/"),
            ("The standard library", "https://doc.rust-lang.org/std/"),
        ],
    }
}

/// Nothing but this toolchain is to be used, whatever folder a notebook stands
/// in; and nothing is to be installed: rust-analyzer, inside evcxr, would
/// silently run rustup for the standard library's sources.
pub fn use_only(toolchain: &Toolchain) {
    let bin = toolchain.rustc.parent().map(|bin| bin.to_owned()).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let with_bin =
        std::env::join_paths([bin.clone()].into_iter().chain(std::env::split_paths(&path)));
    // SAFETY: called before the kernel starts its threads.
    unsafe {
        if let Ok(path) = with_bin {
            std::env::set_var("PATH", path);
        }
        if let Some(sysroot) = bin.parent() {
            std::env::set_var("RUSTUP_TOOLCHAIN", sysroot);
        }
        std::env::set_var("RUSTUP", "rustup-is-not-to-be-run");
        std::env::set_var("RUSTUP_AUTO_INSTALL", "0");
    }
}

/// `a`, `b`, in quotes, for a sentence.
pub fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
