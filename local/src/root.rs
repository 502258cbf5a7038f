//! Finds the checkout.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

/// The path of the template from the root of the checkout.
pub const TEMPLATE: &str = "infra/template.yaml";

/// Finds the root of the checkout: the nearest folder at or above `start` that holds the template.
///
/// # Errors
/// There is no such folder.
pub fn find_root(start: &Path) -> Result<PathBuf> {
    start
        .ancestors()
        .find(|folder| folder.join(TEMPLATE).is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            anyhow!("{} is not in a checkout of minutebook: change into one", start.display())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_root_from_below_and_nowhere_else() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(find_root(package).unwrap(), package.parent().unwrap());
        assert!(find_root(Path::new("/")).is_err());
    }
}
