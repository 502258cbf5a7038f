//! The `minutebook` command: the local stack, events in, answers and proofs out.

#![expect(clippy::print_stdout, reason = "a command answers on its standard output")]

mod commands;
mod event_files;
mod proof;
mod rows;
mod stack;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{demo, down, generate, history, keys, put, replay, status, top, up, verify};
use crate::stack::context::{Context, Options};

/// Real-time shop analytics: the local stack, events in, answers and proofs out.
#[derive(Debug, Parser)]
#[command(name = "minutebook", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the whole thing once: tools, emulator, build, deployment, events, answers, proof
    Demo(demo::DemoArgs),
    /// Brings the local stack up: tools, emulator, build, deployment
    Up(up::UpArgs),
    /// Takes the local stack down
    Down(down::DownArgs),
    /// Says where the stack is
    Status(status::StatusArgs),
    /// Makes seeded events
    Generate(generate::GenerateArgs),
    /// Uploads event files
    Put(put::PutArgs),
    /// Asks for the top items
    Top(top::TopArgs),
    /// Asks for a series: totals and top items by hour, day, week or month
    History(history::HistoryArgs),
    /// Sends objects or dead letters through ingest again
    Replay(replay::ReplayArgs),
    /// Makes, lists and revokes the write keys of sites
    Keys(keys::KeysArgs),
    /// Recounts the raw files and compares every tally
    Verify(verify::VerifyArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let context = Context::new(arguments.options);
    let outcome = match arguments.command {
        Command::Demo(args) => demo::run(args, &context).await,
        Command::Up(args) => up::run(args, &context).await,
        Command::Down(args) => down::run(args, &context).await,
        Command::Status(args) => status::run(args, &context).await,
        Command::Generate(args) => generate::run(args, &context).await,
        Command::Put(args) => put::run(args, &context).await,
        Command::Top(args) => top::run(args, &context).await,
        Command::History(args) => history::run(args, &context).await,
        Command::Replay(args) => replay::run(args, &context).await,
        Command::Keys(args) => keys::run(args, &context).await,
        Command::Verify(args) => verify::run(args, &context).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes in one line; a cause that its parent already quotes is said once.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if line.ends_with(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_error_is_one_line_with_its_causes() {
        let error = anyhow::anyhow!("no such\n  file")
            .context("cannot read x")
            .context("cannot put: cannot read x");
        assert_eq!(one_line(&error), "cannot put: cannot read x: no such file");
    }
}
