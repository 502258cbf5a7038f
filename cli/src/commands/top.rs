//! `minutebook top`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct TopArgs {}

pub(crate) async fn run(_args: TopArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
