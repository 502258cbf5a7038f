//! Makes, lists and revokes the keys of the API. The table has only their hashes.

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::rows::api_keys::{ApiKey, KEPT_AFTER_EXPIRY, partition, partitions};
use crate::rows::{self, TableRow};
use crate::stack::aws::explain;

/// What a key begins with, so that whoever finds one knows what it opens.
const PREFIX: &str = "mb_";

/// The random bytes of a key, and of the secret that share keys are signed with.
const SECRET_BYTES: usize = 32;

/// The fewest digits of an id that are taken for it.
const ID_DIGITS_MIN: usize = 8;

/// A key to make.
#[derive(Clone, Debug)]
pub(crate) struct NewKey {
    pub(crate) site: String,
    pub(crate) roles: Vec<String>,
    pub(crate) label: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// The keys of a table.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl ApiKeys {
    /// Makes a key. Returns it, which is nowhere else, and what the table knows of it.
    ///
    /// # Errors
    /// The table cannot be written.
    pub(crate) async fn add(&self, new: NewKey, now: DateTime<Utc>) -> Result<(String, ApiKey)> {
        let key = format!("{PREFIX}{}", random_digits()?);
        let id = blake3::hash(key.as_bytes()).to_hex().to_string();
        let NewKey { site, mut roles, label, expires_at } = new;
        roles.sort();
        roles.dedup();
        let made = ApiKey { site, id, roles, label, created_at: Some(now), expires_at };
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let time = |time: DateTime<Utc>| text(&time.to_rfc3339_opts(SecondsFormat::Secs, true));
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&partition(&made.id)))
            .item("sk", text(&made.id))
            .item("site", text(&made.site))
            .item("roles", AttributeValue::Ss(made.roles.clone()))
            .item("share_secret", text(&random_digits()?))
            .item("created_at", time(now));
        if let Some(label) = &made.label {
            put = put.item("label", text(label));
        }
        if let Some(expires_at) = expires_at {
            let ttl = (expires_at + KEPT_AFTER_EXPIRY).timestamp();
            put = put.item("expires_at", time(expires_at));
            put = put.item("ttl", AttributeValue::N(ttl.to_string()));
        }
        put.send().await.map_err(|error| explain("cannot write the key's hash", error))?;
        Ok((key, made))
    }

    /// The keys, by site and id.
    ///
    /// # Errors
    /// The table cannot be read.
    pub(crate) async fn list(&self) -> Result<Vec<ApiKey>> {
        let queries = partitions().map(|partition| async move {
            rows::partition(&self.client, &self.table, &partition).await
        });
        let items = futures::future::try_join_all(queries).await?.concat();
        let mut keys: Vec<ApiKey> = items.iter().filter_map(key_of).collect();
        keys.sort();
        Ok(keys)
    }

    /// Deletes the row of the key whose id begins so, and returns what it was.
    ///
    /// # Errors
    /// There is not exactly one such key, or the table cannot be read or written.
    pub(crate) async fn revoke(&self, id: &str) -> Result<ApiKey> {
        if id.len() < ID_DIGITS_MIN || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!(
                "{id:?} is not the id of a key: give at least {ID_DIGITS_MIN} digits of an id that \
                 `minutebook keys list` prints"
            );
        }
        let id = id.to_ascii_lowercase();
        let items = rows::partition(&self.client, &self.table, &partition(&id)).await?;
        let mut named: Vec<ApiKey> = items.iter().filter_map(key_of).collect();
        named.retain(|key| key.id.starts_with(&id));
        let [key] = &named[..] else {
            bail!(
                "{} keys have an id that begins with {id}: see `minutebook keys list`",
                named.len()
            );
        };
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", text(&partition(&key.id))).key("sk", text(&key.id));
        delete.send().await.map_err(|error| explain("cannot delete the key's hash", error))?;
        Ok(key.clone())
    }
}

/// A secret in lower-case hex digits.
fn random_digits() -> Result<String> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).context("the system has no random numbers")?;
    Ok(secret.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn key_of(item: &rows::Item) -> Option<ApiKey> {
    match rows::read(item, &mut Vec::new()) {
        Some(TableRow::ApiKey(key)) => Some(key),
        _ => None,
    }
}
