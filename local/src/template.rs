//! The template, and its lines that name the code of functions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::root::TEMPLATE;

const CODE_LINE: &str = "CodeUri: ";

/// The text of the template. Only the URIs of code are ever changed in it.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: String,
    functions: Vec<String>,
}

impl Template {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let path = root.join(TEMPLATE);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(text)
    }

    fn parse(text: String) -> Result<Self> {
        let mut functions = Vec::new();
        for uri in text.lines().filter_map(code_uri) {
            let Some(function) = uri
                .strip_prefix("../target/lambda/")
                .and_then(|rest| rest.strip_suffix("/bootstrap.zip"))
            else {
                bail!(
                    "the template has the code of a function at {uri}, not at \
                     ../target/lambda/<name>/bootstrap.zip"
                );
            };
            functions.push(function.to_owned());
        }
        Ok(Self { text, functions })
    }

    /// The names of the binaries of the functions.
    pub(crate) fn functions(&self) -> &[String] {
        &self.functions
    }

    /// The zip of each function, where the release build puts it.
    pub(crate) fn zips(&self, root: &Path) -> BTreeMap<String, PathBuf> {
        let zip =
            |function: &String| root.join("target/lambda").join(function).join("bootstrap.zip");
        self.functions.iter().map(|function| (function.clone(), zip(function))).collect()
    }

    /// The text with these URIs as the code of each function, as `aws cloudformation package`
    /// writes it.
    ///
    /// # Errors
    /// A function has no URI.
    pub(crate) fn packaged(&self, uris: &BTreeMap<String, String>) -> Result<String> {
        let mut packaged = String::with_capacity(self.text.len());
        let mut functions = self.functions.iter();
        for line in self.text.lines() {
            if code_uri(line).is_some() {
                let function = functions.next().context("each code line was read as a function")?;
                let uri = uris
                    .get(function)
                    .with_context(|| format!("the function {function} has no zip"))?;
                let indent = line.find(CODE_LINE).unwrap_or(0);
                packaged.push_str(&line[..indent + CODE_LINE.len()]);
                packaged.push_str(uri);
            } else {
                packaged.push_str(line);
            }
            packaged.push('\n');
        }
        Ok(packaged)
    }
}

fn code_uri(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix(CODE_LINE).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_only_the_uris_of_code() {
        let text = "A:\n  CodeUri: ../target/lambda/ingest/bootstrap.zip\n  Timeout: 10\n";
        let template = Template::parse(text.to_owned()).unwrap();
        assert_eq!(template.functions(), ["ingest"]);
        let uris = BTreeMap::from([("ingest".to_owned(), "s3://b/k.zip".to_owned())]);
        assert_eq!(
            template.packaged(&uris).unwrap(),
            "A:\n  CodeUri: s3://b/k.zip\n  Timeout: 10\n"
        );
        assert!(template.packaged(&BTreeMap::new()).is_err());
    }

    #[test]
    fn finds_every_function_of_the_template() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let template = Template::read(root).unwrap();
        assert_eq!(
            template.functions(),
            ["ingest", "rollup", "collect", "most_viewed", "top_carted", "highest_grossing", "api"]
        );
    }
}
