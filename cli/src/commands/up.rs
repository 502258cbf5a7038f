//! `minutebook up`: starts the local stack, or updates it.

use anyhow::Result;

use crate::commands::{status, watch};
use crate::stack::context::Context;
use crate::stack::local::{LocalArgs, bring_up};

#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
    /// Run the functions under `cargo lambda watch`, which rebuilds an edited function at its next
    /// call; Ctrl-C stops everything
    #[arg(long, conflicts_with_all = ["no_build", "release"])]
    pub(crate) watch: bool,
}

pub(crate) async fn run(args: UpArgs, context: &Context) -> Result<()> {
    let root = context.root()?;
    if args.watch {
        return watch::run(&root, &args.local, context.parameters()).await;
    }
    let stack = bring_up(&root, &args.local, context.parameters()).await?;
    status::print(&Context::of_stack(stack))?;
    eprintln!("\nnext: `cargo mb put FILE`, `cargo mb top views`, `cargo mb down`");
    Ok(())
}
