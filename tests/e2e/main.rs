//! The end-to-end tests: real binaries, the real template, the real SDKs, and an oracle that shares
//! no code with them.
//!
//! `cargo test -p minutebook-tests --test e2e -- <part of a name>` runs some of them.

#![expect(clippy::print_stdout, reason = "it reports which tests this machine cannot run")]

mod calls;
mod command;
mod compat;
mod counting;
mod deploy;
mod deployed;
mod forget;
mod gone;
mod hostile;
mod local_stack;
mod needs;
mod push;
mod recount;
mod reliability;
mod sources;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use minutebook_tests::cloud::Cloud;
use tokio::runtime::Runtime;

use crate::needs::Need;

/// A test: its name, what it needs besides the cloud, and its function.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    need: Option<Need>,
    run: Run,
}

/// The default number of concurrent tests.
const TESTS_AT_ONCE: usize = 4;
/// How many lines of the backend's log are shown after a failure.
const LOG_LINES: usize = 80;

type Run = fn(Arc<Cloud>) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Lists the tests of a module by function name: `this_holds`, or `this_holds needs Curl` for a
/// test that not every machine can run.
macro_rules! tests {
    ($($name:ident $(needs $need:ident)?),+ $(,)?) => {
        pub(crate) const TESTS: &[crate::Test] = &[$(crate::Test {
            name: concat!(module_path!(), "::", stringify!($name)),
            need: crate::tests!(@need $($need)?),
            run: |cloud| Box::pin(async move { $name(&cloud).await }),
        }),+];
    };
    (@need) => { None };
    (@need $need:ident) => { Some(crate::needs::Need::$need) };
}
pub(crate) use tests;

/// All tests, by folder.
pub(crate) fn all_tests() -> Vec<&'static Test> {
    let of_folders = [
        &calls::TESTS[..],
        &compat::TESTS,
        &counting::TESTS,
        &deploy::TESTS,
        &push::TESTS,
        &sources::TESTS,
    ]
    .concat();
    let own =
        [command::TESTS, deployed::TESTS, forget::TESTS, gone::TESTS, hostile::TESTS].into_iter();
    own.chain([local_stack::TESTS, recount::TESTS, reliability::TESTS])
        .chain(of_folders)
        .flatten()
        .collect()
}

/// The libtest trial of a test. It is ignored if the test's need is not met.
fn trial(test: &'static Test, runtime: &Arc<Runtime>, cloud: &Arc<Cloud>) -> Trial {
    let (runtime, cloud) = (runtime.clone(), cloud.clone());
    let missing = test.need.filter(|need| !runtime.block_on(need.is_met(&cloud)));
    let Some(missing) = missing else {
        return Trial::test(test.name, move || {
            runtime.block_on((test.run)(cloud)).map_err(|error| Failed::from(format!("{error:#}")))
        });
    };
    let (name, remedy) = (missing.name(), missing.remedy());
    let trial = Trial::test(test.name, move || Err(format!("there is no {name}: {remedy}").into()));
    if missing.is_required() {
        return trial;
    }
    println!("{} is ignored, for there is no {name}: {remedy}", test.name);
    trial.with_kind(format!("no {name}")).with_ignored_flag(true)
}

fn main() -> Result<()> {
    let mut arguments = Arguments::from_args();
    // Tests mostly wait for the emulator and for processes to start.
    arguments.test_threads.get_or_insert(TESTS_AT_ONCE);
    let tests = all_tests();
    if arguments.list {
        let names = tests.iter().map(|test| Trial::test(test.name, || Ok(()))).collect();
        libtest_mimic::run(&arguments, names).exit();
    }
    // Build the binaries before the cloud starts and the tests compete for the machine.
    minutebook_tests::binaries::path("ingest")?;
    let runtime = Arc::new(Runtime::new()?);
    let cloud = Arc::new(runtime.block_on(Cloud::start())?);
    let trials = tests.into_iter().map(|test| trial(test, &runtime, &cloud)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let verified = runtime.block_on(minutebook_tests::store::verify_deployed_stack(&cloud));
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
