//! Checks that everything that docs/guides/COMPARISON.md names for a promise exists.

use std::collections::BTreeSet;

use minutebook_tests::binaries::root;

use super::*;

crate::tests![every_promise_names_tests_that_are_there];

async fn every_promise_names_tests_that_are_there(_: &Cloud) -> Result<()> {
    let page = std::fs::read_to_string(root().join("docs/guides/COMPARISON.md"))
        .context("docs/guides/COMPARISON.md")?;
    let tests: BTreeSet<&str> =
        crate::all_tests().into_iter().filter_map(|test| test.name.rsplit("::").next()).collect();
    let modules: BTreeSet<&str> =
        crate::all_tests().into_iter().filter_map(|test| test.name.rsplit("::").nth(1)).collect();
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let cell = row.trim_end_matches('|').rsplit(" | ").next().unwrap_or_default();
        // The texts between backticks, except commands, which contain spaces.
        for name in cell.split('`').skip(1).step_by(2).filter(|name| !name.contains(' ')) {
            let is_there = if name.contains('/') {
                root().join(name).exists()
            } else if let Some(module) = name.strip_suffix(".rs") {
                modules.contains(module)
            } else {
                tests.contains(name)
            };
            ensure!(is_there, "{name} is not there, and is named in {row}");
            named += 1;
        }
    }
    ensure!(named > 40, "only {named} are named");
    Ok(())
}
