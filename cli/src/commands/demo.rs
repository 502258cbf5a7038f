//! `minutebook demo`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}

pub(crate) async fn run(_args: DemoArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
