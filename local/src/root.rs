//! Where the checkout is.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

/// The template, from the root of the checkout.
pub const TEMPLATE: &str = "infra/template.yaml";

/// Finds the root of the checkout: the nearest folder at or above `start` that holds the template, else the checkout
/// that this program was built from.
///
/// # Errors
/// There is neither.
pub fn find_root(start: &Path) -> Result<PathBuf> {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    start
        .ancestors()
        .chain(built_from)
        .find(|folder| folder.join(TEMPLATE).is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| anyhow!("{} is in no checkout of minutebook: change into one", start.display()))
}
