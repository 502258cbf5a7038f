//! What `deploy` and `destroy` share: which stack is meant, the question, and the progress.

use std::io::BufRead as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use indicatif::ProgressBar;
use minutebook_local::{Deployer, Progress, STACK_NAME, Tools};

use crate::stack::context::Context;
use crate::terminal::escape::shown;
use crate::terminal::progress;

/// How long CloudFormation may take for one change. It takes some minutes.
const TIME_MAX: Duration = Duration::from_secs(3_600);

/// The longest name of a stack: Lambda's functions, which it begins, have 64 characters at most.
const NAME_CHARACTERS_MAX: usize = 47;

/// The name of the stack that is meant.
///
/// # Errors
/// No stack can have the name that `--stack` gives.
pub(super) fn stack_name(context: &Context) -> Result<String> {
    let name = context.stack_name().unwrap_or(STACK_NAME);
    let begins_right = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_right = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    ensure!(
        begins_right && name.chars().all(is_right) && name.len() <= NAME_CHARACTERS_MAX,
        "{name:?} is no name for a stack: it has 1 to {NAME_CHARACTERS_MAX} letters, digits and \
         hyphens, and begins with a letter"
    );
    Ok(name.to_owned())
}

pub(super) fn deployer(root: &Path, tools: &Tools, context: &Context, name: &str) -> Deployer {
    Deployer::new(root, tools, context.target(), name, TIME_MAX)
}

/// Prints a text of several lines.
pub(super) fn print(text: &str) {
    for line in text.lines() {
        println!("{}", shown(line));
    }
}

/// Asks whether to go on, and takes nothing but `expected` for yes.
///
/// # Errors
/// The answer is another one.
pub(super) fn ask(question: &str, expected: &str) -> Result<()> {
    eprint!("{} Type {expected}: ", shown(question));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    if read == 0 {
        bail!("nobody answers, and nothing was changed: --yes does not ask");
    }
    ensure!(answer.trim() == expected, "nothing was changed");
    Ok(())
}

/// Shows how far a change of a stack is.
pub(super) struct Resources {
    bar: ProgressBar,
}

impl Resources {
    pub(super) fn begin(what: &'static str, count: usize) -> Self {
        Self { bar: progress::bar(what, count) }
    }

    pub(super) fn show(&self, progress: Progress) {
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
        let event = progress.event;
        if event.status.ends_with("_FAILED") {
            let Self { bar } = self;
            let line = format!("{}: {} {}", event.resource, event.status, event.reason);
            bar.suspend(|| eprintln!("  {}", shown(&line)));
        }
    }
}

impl Drop for Resources {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
