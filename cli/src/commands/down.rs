//! `minutebook down`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct DownArgs {}

pub(crate) async fn run(_args: DownArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
