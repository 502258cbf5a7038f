//! `minutebook up`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {}

pub(crate) async fn run(_args: UpArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
