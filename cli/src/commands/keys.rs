//! `minutebook keys`: makes, lists and revokes the keys of the API.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_local::{STATE_FOLDER, Stack};
use serde_json::{Value, json};

use crate::commands::clock;
use crate::commands::sites::check_site;
use crate::rows::api_keys::{ALL_SITES, ApiKey, ROLES};
use crate::stack::context::Context;
use crate::stack::table::api_keys::{ApiKeys, NewKey};
use crate::terminal::escape;
use crate::terminal::table::Table;

/// The longest label, in bytes: a sentence.
const LABEL_BYTES_MAX: usize = 256;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum KeysCommand {
    /// Makes a key and prints it once: it is not stored and cannot be shown again
    Add(AddArgs),
    /// Lists keys by their ids
    List {
        /// Only the keys that open this site: its own, and those for all sites
        site: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revokes a key, which stops working everywhere within 30 seconds
    Revoke {
        /// Its id, or at least the first 8 digits of it
        id: String,
    },
}

/// Which sites a key is for.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Sites {
    /// Site that the key is for
    site: Option<String>,
    /// Make a key for all sites
    #[arg(long)]
    all_sites: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct AddArgs {
    #[command(flatten)]
    sites: Sites,
    /// What it allows: read (ask), write (post), or admin (everything); may be given twice
    #[arg(long = "role", required = true, value_name = "ROLE", value_parser = ROLES)]
    roles: Vec<String>,
    /// When it stops working: after 30d or 12h, or at a date or a time [default: never]
    #[arg(long = "expires", value_name = "WHEN", value_parser = expiry)]
    expires_at: Option<DateTime<Utc>>,
    /// Text that says what the key is for
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: KeysArgs, context: &Context) -> Result<()> {
    let keys = keys_of(context).await?;
    match args.command {
        KeysCommand::Add(args) => add(&keys, args).await,
        KeysCommand::List { site, json } => list(&keys, site.as_deref(), json).await,
        KeysCommand::Revoke { id } => {
            let key = keys.revoke(&id).await?;
            println!("revoked {}", key.id);
            Ok(())
        }
    }
}

/// The local stack with a key for everything, made if it requires keys and has none.
pub(crate) async fn with_admin_key(mut stack: Stack, root: &Path) -> Result<Stack> {
    let requires_keys = stack.requires_read_keys || stack.requires_write_keys;
    if !requires_keys || stack.api_key.is_some() {
        return Ok(stack);
    }
    let keys = keys_of(&Context::of_stack(stack.clone())).await?;
    let (key, _) = keys.add(admin_key("cargo mb up --require-keys"), clock::now()).await?;
    stack.api_key = Some(key);
    stack.write(&root.join(STATE_FOLDER))?;
    Ok(stack)
}

/// Makes a key for everything with this label, if the stack has no key at all, and returns it.
pub(crate) async fn first_admin_key(context: &Context, label: &str) -> Result<Option<String>> {
    let keys = keys_of(context).await?;
    if !keys.list().await?.is_empty() {
        return Ok(None);
    }
    let (key, _) = keys.add(admin_key(label), clock::now()).await?;
    Ok(Some(key))
}

/// How many keys the stack has.
///
/// # Errors
/// The table cannot be read.
pub(crate) async fn count(context: &Context) -> Result<usize> {
    Ok(keys_of(context).await?.list().await?.len())
}

async fn keys_of(context: &Context) -> Result<ApiKeys> {
    let endpoints = context.endpoints().await?;
    Ok(ApiKeys { client: context.dynamodb().await?, table: endpoints.table()?.to_owned() })
}

/// A key for everything, for ever.
fn admin_key(label: &str) -> NewKey {
    NewKey {
        site: ALL_SITES.to_owned(),
        roles: vec!["admin".to_owned()],
        label: Some(label.to_owned()),
        expires_at: None,
    }
}

async fn add(keys: &ApiKeys, args: AddArgs) -> Result<()> {
    let AddArgs { sites, roles, label, expires_at, json: as_json } = args;
    let site = match sites.site {
        Some(site) => {
            ensure!(
                site != ALL_SITES,
                "{site:?} is not a site id: for all sites, give --all-sites"
            );
            check_site(&site)?;
            site
        }
        None => ALL_SITES.to_owned(),
    };
    if let Some(label) = &label {
        check_label(label)?;
    }
    let now = clock::now();
    if let Some(expires_at) = expires_at.filter(|expires_at| *expires_at <= now) {
        bail!("the key would have expired: {} is over", clock::rfc3339(expires_at));
    }
    let (key, made) = keys.add(NewKey { site, roles, label, expires_at }, now).await?;
    if as_json {
        let mut line = line(&made);
        line["key"] = json!(key);
        println!("{}", escape::json(&line.to_string()));
    } else {
        println!("{key}");
        eprintln!("its id is {}; the key itself is not stored, so keep it", made.id);
    }
    Ok(())
}

async fn list(keys: &ApiKeys, site: Option<&str>, as_json: bool) -> Result<()> {
    let mut keys = keys.list().await?;
    keys.retain(|key| site.is_none_or(|site| key.site == site || key.site == ALL_SITES));
    if as_json {
        let lines: Vec<Value> = keys.iter().map(line).collect();
        println!("{}", escape::json(&serde_json::to_string_pretty(&lines)?));
        return Ok(());
    }
    let time = |time: Option<DateTime<Utc>>, none: &str| {
        time.map_or_else(|| none.to_owned(), clock::rfc3339)
    };
    let mut lines = Table::new(&["site", "roles", "id", "created", "expires", "label"], &[]);
    for key in &keys {
        let (created, expires) = (time(key.created_at, "?"), time(key.expires_at, "never"));
        let label = key.label.as_deref().unwrap_or_default();
        lines.add_row([&key.site, &key.roles.join(","), &key.id, &created, &expires, label]);
    }
    print!("{}", lines.text());
    Ok(())
}

fn line(key: &ApiKey) -> Value {
    json!({
        "site_id": key.site, "id": key.id, "roles": key.roles, "label": key.label,
        "created_at": key.created_at.map(clock::rfc3339),
        "expires_at": key.expires_at.map(clock::rfc3339),
    })
}

fn check_label(label: &str) -> Result<()> {
    if (1..=LABEL_BYTES_MAX).contains(&label.len()) {
        return Ok(());
    }
    bail!("the label has {} bytes: expected 1 to {LABEL_BYTES_MAX}", label.len())
}

/// Reads when a key expires.
fn expiry(text: &str) -> Result<DateTime<Utc>, String> {
    expiry_after(text, clock::now())
}

fn expiry_after(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let expected = || "expected 30d, 12h, a date as 2027-01-31, or a time in RFC 3339".to_owned();
    let unit = text.chars().last().and_then(|unit| match unit {
        'd' => Some(TimeDelta::days(1)),
        'h' => Some(TimeDelta::hours(1)),
        _ => None,
    });
    let Some(unit) = unit else {
        return clock::parse_time_or_date(text).map_err(|_| expected());
    };
    let count = text[..text.len() - 1].parse::<u16>().map_err(|_| expected())?;
    let length = unit.checked_mul(count.into()).ok_or_else(expected)?;
    now.checked_add_signed(length).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_length_or_a_time() {
        let now = "2026-11-21T12:00:30Z".parse().unwrap();
        let read = |text: &str| expiry_after(text, now).map(clock::rfc3339);
        for (text, expected) in [
            ("30d", "2026-12-21T12:00:30Z"),
            ("12h", "2026-11-22T00:00:30Z"),
            ("2027-01-31", "2027-01-31T00:00:00Z"),
            ("2027-01-31T08:00:00+01:00", "2027-01-31T07:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "d", "-1d", "1.5d", "65536d", "30", "30m", "soon", "1 d", "1é"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_have_their_bounds() {
        for (length, is_right) in
            [(0, false), (LABEL_BYTES_MAX, true), (LABEL_BYTES_MAX + 1, false)]
        {
            assert_eq!(check_label(&"a".repeat(length)).is_ok(), is_right, "{length}");
        }
    }
}
