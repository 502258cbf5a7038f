//! `minutebook status`: prints where the parts of the stack are. `minutebook open`: opens the
//! dashboard.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::stack::context::Context;
use crate::terminal::escape::{self, shown};

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "env")]
    json: bool,
    /// Print shell variables that point `cargo lambda watch` and `aws` at this stack: eval "$(cargo
    /// mb status --env)"
    #[arg(long)]
    env: bool,
}

pub(crate) async fn run(args: StatusArgs, context: &Context) -> Result<()> {
    if args.env {
        print_environment(context)
    } else if args.json {
        print_json(context).await
    } else {
        print(context).await
    }
}

/// Opens the dashboard in the browser of the person who runs the command.
pub(crate) async fn open(context: &Context) -> Result<()> {
    let address = dashboard(context.endpoints().await?.api_url()?);
    println!("{}", shown(&address));
    open::that_detached(&address)
        .with_context(|| format!("no browser could be started; open {address} in one"))
}

/// The address of the dashboard of an API.
pub(crate) fn dashboard(api_url: &str) -> String {
    format!("{api_url}/")
}

/// Prints the parts for people, one a line.
pub(crate) async fn print(context: &Context) -> Result<()> {
    for (name, value) in parts(context).await? {
        println!("{name:<17} {}", shown(value.as_deref().unwrap_or("-")));
    }
    Ok(())
}

async fn print_json(context: &Context) -> Result<()> {
    let mut status = serde_json::Map::new();
    for (name, value) in parts(context).await? {
        status.insert(name.to_owned(), json!(value));
    }
    if let Some(stack) = context.stack()? {
        status.insert("functions".to_owned(), json!(stack.functions));
        status.insert("minute_retention_days".to_owned(), json!(stack.minute_retention_days));
        status.insert("hour_retention_days".to_owned(), json!(stack.hour_retention_days));
        status.insert("day_retention_days".to_owned(), json!(stack.day_retention_days));
        status.insert("keys_max".to_owned(), json!(stack.keys_max));
    }
    if let Some(emulator) = context.emulator()? {
        status.insert("pid".to_owned(), json!(emulator.pid()));
        status.insert("log".to_owned(), json!(emulator.log()));
    }
    let status = serde_json::to_string_pretty(&status).context("a status is plain JSON")?;
    println!("{}", escape::json(&status));
    Ok(())
}

async fn parts(context: &Context) -> Result<Vec<(&'static str, Option<String>)>> {
    let endpoints = context.endpoints().await?;
    let part = |value: Result<&str>| value.ok().map(str::to_owned);
    // Only the key of the local stack, which protects nothing, is shown.
    let local_key = context.stack()?.and_then(|stack| stack.api_key);
    let mut parts = vec![
        ("endpoint_url", endpoints.endpoint_url.clone()),
        ("region", endpoints.region.clone()),
        ("bucket", part(endpoints.bucket())),
        ("rejected_bucket", part(endpoints.rejected_bucket())),
        ("table", part(endpoints.table())),
        ("queue_url", part(endpoints.queue_url())),
        ("dead_letters_url", part(endpoints.dead_letters_url())),
        ("api_url", part(endpoints.api_url())),
        ("dashboard", endpoints.api_url().ok().map(dashboard)),
        ("live_url", endpoints.live_url.clone()),
        ("default_currency", Some(endpoints.default_currency().to_owned())),
        ("default_time_zone", Some(endpoints.default_time_zone().to_owned())),
    ];
    parts.extend(local_key.map(|key| ("api_key", Some(key))));
    Ok(parts)
}

/// Prints the environment of the functions, for `cargo lambda watch`, and of this command.
fn print_environment(context: &Context) -> Result<()> {
    let stack = context.local_stack()?;
    // The shell's own session token or profile would not belong to the key.
    println!("unset AWS_SESSION_TOKEN AWS_PROFILE");
    for (name, value) in stack.environment() {
        println!("export {name}={}", quoted(&value));
    }
    Ok(())
}

/// The value as one word of a POSIX shell.
fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_one_word_of_the_shell() {
        assert_eq!(quoted("http://127.0.0.1:4566"), "http://127.0.0.1:4566");
        assert_eq!(quoted("it's $x"), r"'it'\''s $x'");
        assert_eq!(quoted(""), "''");
    }
}
