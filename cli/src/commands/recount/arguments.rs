//! The arguments of `recount`.

use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RecountArgs {
    #[command(subcommand)]
    pub(super) command: RecountCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum RecountCommand {
    /// Counts visitors with a new secret, from the objects of the bucket
    ///
    /// Answers change to the new numbers at once, when all chunks are recounted; until then they
    /// use the old ones. If the command is stopped, run it again: it continues.
    Visitors(VisitorsArgs),
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct VisitorsArgs {
    /// Change nothing, and print what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How long to wait for chunks to be recounted, in seconds
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS")]
    pub(super) timeout: u64,
    /// How long functions may go on with what they knew, in seconds; with less than the default,
    /// answers may lack visitors meanwhile
    #[arg(long, default_value_t = SETTLE_SECONDS, value_name = "SECONDS")]
    pub(super) settle: u64,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A function remembers which secrets count for 30 seconds, and ingest then runs for up to two
/// minutes; no function that answers runs longer.
const SETTLE_SECONDS: u64 = 150;

impl VisitorsArgs {
    pub(super) fn settle(&self) -> Duration {
        Duration::from_secs(self.settle)
    }
}
