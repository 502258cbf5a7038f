//! The `minutebook` command: runs the local stack, sends events, asks questions, verifies answers.

#![expect(clippy::print_stdout, reason = "a command prints its answers on standard output")]

mod commands;
mod event_files;
mod findings;
mod proof;
mod rows;
mod stack;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    catalogue, check, demo, deploy, doctor, down, forget, generate, history, keys, put, recount,
    replay, sites, status, top, up, verify,
};
use crate::stack::context::Context;
use crate::stack::options::Options;
use crate::terminal::escape::shown;

/// Real-time shop analytics: runs a local stack, uploads events, asks questions and verifies
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
    /// Runs the whole demonstration: local stack, events, questions, verification
    Demo(demo::DemoArgs),
    /// Starts the local stack; after a change, rebuilds and redeploys it
    Up(up::UpArgs),
    /// Stops the local stack and deletes its data
    Down(down::DownArgs),
    /// Creates or updates a stack on AWS, tries it, and rolls an update back that does not work
    Deploy(deploy::DeployArgs),
    /// Deletes a stack on AWS, but for its buckets
    Destroy(deploy::DestroyArgs),
    /// Says what is wrong with a stack, the most urgent first, and what mends it
    Doctor(doctor::DoctorArgs),
    /// Prints where everything is
    Status(status::StatusArgs),
    /// Opens the dashboard in a browser
    Open,
    /// Generates events from a seed
    Generate(generate::GenerateArgs),
    /// Says what would become of event files, without a stack
    Check(check::CheckArgs),
    /// Uploads event files
    Put(put::PutArgs),
    /// Asks for the top items
    Top(top::TopArgs),
    /// Asks for a series: totals and top items by hour, day, week or month
    History(history::HistoryArgs),
    /// Sends objects, or dead letters, through ingest again
    Replay(replay::ReplayArgs),
    /// Counts visitors again, with a new secret
    Recount(recount::RecountArgs),
    /// Removes a person from raw events, rejected lines and orders; all numbers stay
    Forget(forget::ForgetArgs),
    /// Puts, lists and removes the names, categories and brands of items
    Catalogue(catalogue::CatalogueArgs),
    /// Makes, lists and revokes the keys of the API
    Keys(keys::KeysArgs),
    /// Lists the sites, and shows and changes what they set
    Sites(sites::SitesArgs),
    /// Recounts the raw events and compares every number of the table
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
        Command::Deploy(args) => deploy::run(args, &context).await,
        Command::Destroy(args) => deploy::destroy(args, &context).await,
        Command::Doctor(args) => doctor::run(args, &context).await,
        Command::Status(args) => status::run(args, &context).await,
        Command::Open => status::open(&context).await,
        Command::Generate(args) => generate::run(args, &context).await,
        Command::Check(args) => check::run(args).await,
        Command::Put(args) => put::run(args, &context).await,
        Command::Top(args) => top::run(args, &context).await,
        Command::History(args) => history::run(args, &context).await,
        Command::Replay(args) => replay::run(args, &context).await,
        Command::Recount(args) => recount::run(args, &context).await,
        Command::Forget(args) => forget::run(args, &context).await,
        Command::Catalogue(args) => catalogue::run(args, &context).await,
        Command::Keys(args) => keys::run(args, &context).await,
        Command::Sites(args) => sites::run(args, &context).await,
        Command::Verify(args) => verify::run(args, &context).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", shown(&one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes in one line. A cause that the error before it ends with is left out.
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
