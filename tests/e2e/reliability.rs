//! Checks that docs/RELIABILITY.md names a test for every fault, and that each of these tests
//! exists.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;

crate::tests![every_fault_of_the_page_has_its_tests];

/// The section with the table.
const SECTION: &str = "## Faults and their tests";

/// The names in a row's last cell, which are between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The last two parts of a test's name: `late::a_dead_letter_replayed_after_20_days`.
fn module_and_name(test: &crate::Test) -> Option<&str> {
    let (module, _) = test.name.rsplit_once("::")?;
    let folder = module.rfind("::")?;
    test.name.get(folder + 2..)
}

async fn every_fault_of_the_page_has_its_tests(_: &Cloud) -> Result<()> {
    let page = std::fs::read_to_string(root().join("docs/RELIABILITY.md"))
        .context("docs/RELIABILITY.md")?;
    let section = page.split(SECTION).nth(1).with_context(|| format!("no section {SECTION:?}"))?;
    let section = section.split("\n## ").next().unwrap_or_default();
    // The page omits the folders, as the arguments of `cargo test` can.
    let tests: BTreeSet<&str> =
        crate::all_tests().into_iter().filter_map(module_and_name).collect();
    let mut faults = 0;
    // Skip the header of the table and the line below it.
    for row in section.lines().filter(|line| line.starts_with('|')).skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [fault, named] = cells[..] else {
            anyhow::bail!("a row of {} cells: {row}", cells.len())
        };
        let named = names(named);
        ensure!(!named.is_empty(), "no test for {fault:?}");
        for name in named {
            ensure!(tests.contains(name), "there is no test {name}, which is named for {fault:?}");
        }
        faults += 1;
    }
    ensure!(faults > 20, "only {faults} faults are listed");
    Ok(())
}
