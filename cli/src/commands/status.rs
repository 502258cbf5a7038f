//! `minutebook status`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {}

pub(crate) async fn run(_args: StatusArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
