//! `minutebook keys`: makes, lists and revokes the write keys of sites. The table has only their
//! hashes.

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::TryStreamExt as _;
use serde_json::json;

use crate::commands::clock;
use crate::rows::{TableRow, WriteKey, read, scan, write_keys};
use crate::stack::aws::explain;
use crate::stack::context::Context;
use crate::terminal::escape;
use crate::terminal::table::Table;

/// The fewest digits of an id that `revoke` takes.
const ID_DIGITS_MIN: usize = 8;

/// The longest site id; see docs/EVENTS.md. The command shares no code with what counts, so that it
/// has the rule itself.
const SITE_BYTES_MAX: usize = 64;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum KeysCommand {
    /// Makes a write key and prints it once: it is not stored and cannot be shown again
    Add {
        /// Site that the key may write to
        site: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists the ids of write keys
    List {
        /// Only the keys of this site
        site: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revokes a write key; this takes effect at once
    Revoke {
        /// Site that the key may write to
        site: String,
        /// Its id, or at least the first 8 digits of it
        id: String,
    },
}

pub(crate) async fn run(args: KeysArgs, context: &Context) -> Result<()> {
    let endpoints = context.endpoints()?;
    let keys = Keys { client: context.dynamodb().await?, table: endpoints.table()?.to_owned() };
    match args.command {
        KeysCommand::Add { site, json } => keys.add(&site, json).await,
        KeysCommand::List { site, json } => keys.list(site.as_deref(), json).await,
        KeysCommand::Revoke { site, id } => keys.revoke(&site, &id).await,
    }
}

struct Keys {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Keys {
    async fn add(&self, site: &str, as_json: bool) -> Result<()> {
        let is_site = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if site.is_empty() || site.len() > SITE_BYTES_MAX || !site.bytes().all(is_site) {
            bail!(
                "{site:?} is not a site id: expected 1 to {SITE_BYTES_MAX} of A-Z a-z 0-9 . _ : -"
            );
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).context("the system has no random numbers")?;
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{site}.{secret}");
        let id = blake3::hash(key.as_bytes()).to_hex().to_string();
        let put = self.client.put_item().table_name(&self.table).item("pk", partition(site));
        let put = put.item("sk", AttributeValue::S(id.clone()));
        let put = put.item("created_at", AttributeValue::S(clock::rfc3339(clock::now())));
        put.send().await.map_err(|error| explain("cannot write the key's hash", error))?;
        if as_json {
            println!("{}", json!({"site_id": site, "id": id, "key": key}));
        } else {
            println!("{key}");
            eprintln!("its id is {id}; the key itself is not stored, so keep it");
        }
        Ok(())
    }

    async fn list(&self, site: Option<&str>, as_json: bool) -> Result<()> {
        let keys = self.all(site).await?;
        if as_json {
            let line = |key: &WriteKey| json!({"site_id": key.site, "id": key.hash, "created_at": key.created_at});
            let lines: Vec<serde_json::Value> = keys.iter().map(line).collect();
            println!("{}", escape::json(&serde_json::to_string_pretty(&lines)?));
            return Ok(());
        }
        let mut lines = Table::new(&["site", "id", "created"], &[]);
        for key in &keys {
            lines.add_row([&key.site, &key.hash, key.created_at.as_deref().unwrap_or("?")]);
        }
        print!("{}", lines.text());
        Ok(())
    }

    async fn revoke(&self, site: &str, id: &str) -> Result<()> {
        if id.len() < ID_DIGITS_MIN {
            bail!("the id {id:?} is too short: give at least {ID_DIGITS_MIN} digits of it");
        }
        let mut named = self.all(Some(site)).await?;
        named.retain(|key| key.hash.starts_with(id));
        let [key] = &named[..] else {
            bail!(
                "{} keys of {site} have an id that begins with {id}: `minutebook keys list {site}`",
                named.len()
            );
        };
        let delete = self.client.delete_item().table_name(&self.table).key("pk", partition(site));
        let delete = delete.key("sk", AttributeValue::S(key.hash.clone()));
        delete.send().await.map_err(|error| explain("cannot delete the key's hash", error))?;
        println!("revoked {}", key.hash);
        Ok(())
    }

    /// The keys, by site and hash. They are few and rarely listed, so they have no index and the
    /// whole table is scanned.
    async fn all(&self, site: Option<&str>) -> Result<Vec<WriteKey>> {
        let mut items = std::pin::pin!(scan(&self.client, &self.table));
        let mut keys = Vec::new();
        while let Some(item) = items.try_next().await.context("cannot list the keys")? {
            if let Some(TableRow::WriteKey(key)) = read(&item, &mut Vec::new())
                && site.is_none_or(|site| key.site == site)
            {
                keys.push(key);
            }
        }
        keys.sort();
        Ok(keys)
    }
}

fn partition(site: &str) -> AttributeValue {
    AttributeValue::S(format!("{}{site}", write_keys::PREFIX))
}
