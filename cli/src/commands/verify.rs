//! `minutebook verify`.

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {}

pub(crate) async fn run(_args: VerifyArgs, _context: &Context) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
