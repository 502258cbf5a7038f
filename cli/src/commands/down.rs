//! `minutebook down`: stops the local stack and deletes its data.

use anyhow::{Context as _, Result};
use minutebook_local::{Emulator, STACK_FILE, STATE_FOLDER};

use crate::stack::context::Context;
use crate::stack::local;

#[derive(Debug, clap::Args)]
pub(crate) struct DownArgs {}

pub(crate) async fn run(_args: DownArgs, context: &Context) -> Result<()> {
    let root = context.root()?;
    let folder = root.join(STATE_FOLDER);
    let _lock = local::lock(&root).await?;
    match Emulator::running(&folder)? {
        Some(emulator) => {
            emulator.stop()?;
            println!("stopped the local stack at {} and deleted its data", emulator.endpoint_url);
        }
        None => println!("no local stack is running"),
    }
    let path = folder.join(STACK_FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
