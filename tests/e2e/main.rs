//! The end-to-end tests: real binaries, the real template, the real SDKs, and an oracle that shares
//! no code with them.
//!
//! `cargo test -p minutebook-tests --test e2e -- <part of a name>` runs some of them.

mod api;
mod chunks;
mod collect;
mod command;
mod contract;
mod deployed;
mod exactly_once;
mod forms;
mod health;
mod history;
mod items;
mod late;
mod live;
mod odd_input;
mod orders;
mod queries;
mod reliability;
mod rollup;
mod seeds;
mod stats;
mod streams;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use minutebook_tests::cloud::Cloud;
use tokio::runtime::Runtime;

/// A test: what it is called, and what it does on the cloud.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    run: Run,
}

/// How many tests run side by side if nobody says.
const TESTS_AT_ONCE: usize = 4;
/// How much of the backend's log is shown after a failure.
const LOG_LINES: usize = 80;

type Run = fn(Arc<Cloud>) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Lists tests of this module by the names of their functions.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const TESTS: &[crate::Test] = &[$(crate::Test {
            name: concat!(module_path!(), "::", stringify!($name)),
            run: |cloud| Box::pin(async move { $name(&cloud).await }),
        }),+];
    };
}
pub(crate) use tests;

/// All tests, module by module.
pub(crate) fn all_tests() -> Vec<&'static Test> {
    [
        api::TESTS,
        collect::TESTS,
        command::TESTS,
        contract::TESTS,
        deployed::TESTS,
        exactly_once::TESTS,
        forms::TESTS,
        health::TESTS,
        history::TESTS,
        items::TESTS,
        late::TESTS,
        live::TESTS,
        odd_input::TESTS,
        orders::TESTS,
        queries::TESTS,
        reliability::TESTS,
        rollup::TESTS,
        stats::TESTS,
        streams::TESTS,
    ]
    .into_iter()
    .chain(seeds::TESTS)
    .flatten()
    .collect()
}

fn main() -> Result<()> {
    let mut arguments = Arguments::from_args();
    // Most of the time a test waits for the emulator and for processes that start.
    arguments.test_threads.get_or_insert(TESTS_AT_ONCE);
    let tests = all_tests();
    if arguments.list {
        let names = tests.iter().map(|test| Trial::test(test.name, || Ok(()))).collect();
        libtest_mimic::run(&arguments, names).exit();
    }
    // Before the cloud starts and the tests compete: this may compile.
    minutebook_tests::binaries::path("ingest")?;
    let runtime = Arc::new(Runtime::new()?);
    let cloud = Arc::new(runtime.block_on(Cloud::start())?);
    let trials = tests
        .into_iter()
        .map(|test| {
            let (runtime, cloud) = (runtime.clone(), cloud.clone());
            Trial::test(test.name, move || {
                runtime
                    .block_on((test.run)(cloud))
                    .map_err(|error| Failed::from(format!("{error:#}")))
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let verified = runtime.block_on(cloud.verify_deployed_stack());
    if conclusion.has_failed()
        && let Some(log) = runtime.block_on(cloud.log())
    {
        let lines: Vec<&str> = log.lines().collect();
        eprintln!(
            "the last lines of the backend's log:\n{}",
            lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
        );
    }
    let cloud = Arc::into_inner(cloud).context("a test that has ended still holds the cloud")?;
    runtime.block_on(cloud.stop())?;
    verified?;
    conclusion.exit();
}
