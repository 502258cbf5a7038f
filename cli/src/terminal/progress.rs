//! Progress on standard error; standard output is for answers.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// A running step: a spinner on a terminal, a plain line elsewhere.
pub(crate) struct Step {
    bar: ProgressBar,
    what: String,
    begun: Instant,
}

impl Step {
    pub(crate) fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = ProgressBar::new_spinner();
        if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_message(what.clone());
            bar.enable_steady_tick(Duration::from_millis(100));
        } else {
            eprintln!("  {what} …");
        }
        Self { bar, what, begun: Instant::now() }
    }

    /// Prints that the step is done.
    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
        eprintln!("✓ {} ({:.1} s)", self.what, self.begun.elapsed().as_secs_f64());
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A progress bar up to `count`, drawn on a terminal only; a spinner if `count` is 0, unknown.
pub(crate) fn bar(what: &'static str, count: usize) -> ProgressBar {
    let (bar, template) = match count {
        0 => (ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})"),
        _ => (ProgressBar::new(count as u64), "{msg} {wide_bar} {pos}/{len} ({elapsed})"),
    };
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Runs blocking work as a step.
///
/// # Errors
/// Those of the work.
pub(crate) async fn blocking_step<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let step = Step::begin(what);
    let outcome = tokio::task::spawn_blocking(work).await??;
    step.end();
    Ok(outcome)
}

/// Runs work as a step while other steps, or cargo with its own progress bar, write to the terminal
/// too: prints one line at the beginning and one at the end.
///
/// # Errors
/// Those of the work.
pub(crate) async fn step_beside_others<T>(
    what: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let begun = Instant::now();
    eprintln!("{clear}  {what} …", clear = clear_line());
    let outcome = work.await?;
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("{clear}✓ {what} ({seconds:.1} s)", clear = clear_line());
    Ok(outcome)
}

/// The control sequence that clears the current line of a terminal, where another program may have
/// a progress bar.
fn clear_line() -> &'static str {
    if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" }
}
