//! The template, and its lines that name the code of functions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::root::TEMPLATE;

const CODE_LINE: &str = "CodeUri: ";

/// The folder with a folder for each function, which has its zip, from the root of the checkout.
pub(crate) const LAMBDA_FOLDER: &str = "target/lambda";

/// What the template says about the code of functions.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    functions: Vec<String>,
}

impl Template {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let path = root.join(TEMPLATE);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut functions = Vec::new();
        for uri in text.lines().filter_map(code_uri) {
            let Some(function) = uri.strip_prefix("../functions/") else {
                bail!(
                    "the template has the code of a function at {uri}, not at ../functions/<name>"
                );
            };
            functions.push(function.to_owned());
        }
        Ok(Self { functions })
    }

    /// The names of the binaries of the functions.
    pub(crate) fn functions(&self) -> &[String] {
        &self.functions
    }

    /// The zip of each function, where the release build puts it.
    pub(crate) fn zips(&self, root: &Path) -> BTreeMap<String, PathBuf> {
        let zip = |function: &String| root.join(LAMBDA_FOLDER).join(function).join("bootstrap.zip");
        self.functions.iter().map(|function| (function.clone(), zip(function))).collect()
    }
}

fn code_uri(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix(CODE_LINE).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_elsewhere_is_an_error() {
        let text = "A:\n  CodeUri: ../functions/ingest\n  Timeout: 10\n";
        assert_eq!(Template::parse(text).unwrap().functions(), ["ingest"]);
        assert!(Template::parse("  CodeUri: s3://b/k.zip\n").is_err());
    }

    #[test]
    fn finds_every_function_of_the_template() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let template = Template::read(root).unwrap();
        assert_eq!(
            template.functions(),
            [
                "ingest",
                "rollup",
                "collect",
                "most_viewed",
                "top_carted",
                "highest_grossing",
                "api",
                "live",
                "push"
            ]
        );
    }
}
