//! `minutebook put`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct PutArgs {}

pub(crate) async fn run(_args: PutArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
