//! The code that is deployed: built for the processor that the stack has, or as it was last built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use minutebook_local::{
    Architecture, CargoLambda, CodePaths, build_for_lambda, built_for_lambda, built_functions,
};

use crate::terminal::progress::step_beside_others;

/// The parameter of the template that says for which processor the functions are.
const PARAMETER: &str = "Architecture";

/// The processor that the functions will run on: as the parameters say, or else those of the stack,
/// or else the template.
///
/// # Errors
/// Lambda has no such processor.
pub(super) fn architecture(
    given: &BTreeMap<String, String>,
    deployed: &BTreeMap<String, String>,
) -> Result<Architecture> {
    let Some(text) = given.get(PARAMETER).or_else(|| deployed.get(PARAMETER)) else {
        return Ok(Architecture::Arm64);
    };
    Architecture::parse(text)
        .with_context(|| format!("{PARAMETER} is {text:?}, neither arm64 nor x86_64"))
}

/// Builds the functions with cargo-lambda.
///
/// # Errors
/// cargo-lambda cannot be installed, or the functions do not build.
pub(super) async fn built(
    root: &Path,
    cargo_lambda: &CargoLambda,
    architecture: Architecture,
) -> Result<CodePaths> {
    let what =
        format!("functions built for {} (the first build takes minutes)", architecture.name());
    let build = build_for_lambda(root, cargo_lambda, architecture);
    Ok(paths(step_beside_others(&what, build).await?))
}

/// The functions as they were last built: for AWS by cargo-lambda, for an emulator by whatever
/// built them, since it runs programs of this machine.
///
/// # Errors
/// They were never built.
pub(super) fn last_built(root: &Path, is_emulator: bool) -> Result<CodePaths> {
    let built = match is_emulator {
        true => built_functions(root).or_else(|_| built_for_lambda(root)),
        false => built_for_lambda(root),
    };
    Ok(paths(built?))
}

fn paths(built: BTreeMap<String, PathBuf>) -> CodePaths {
    built.into_iter().map(|(function, path)| (function, Some(path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_comes_before_what_is_deployed() {
        let of = |text: &str| BTreeMap::from([(PARAMETER.to_owned(), text.to_owned())]);
        let none = BTreeMap::new();
        let x86 = of("x86_64");
        assert_eq!(architecture(&none, &none).unwrap(), Architecture::Arm64);
        assert_eq!(architecture(&none, &x86).unwrap(), Architecture::X86_64);
        assert_eq!(architecture(&of("arm64"), &x86).unwrap(), Architecture::Arm64);
        assert!(architecture(&of("arm"), &x86).is_err());
    }
}
