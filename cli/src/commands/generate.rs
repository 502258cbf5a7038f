//! `minutebook generate`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {}

pub(crate) async fn run(_args: GenerateArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
