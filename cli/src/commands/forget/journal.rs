//! The rows that say who is being forgotten, until that is done.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_domain::chunk::forget::Person;

use crate::commands::clock;
use crate::rows::forgetting::{
    self, BEGUN_AT, CUSTOMER, Forgetting, ORDERS, PARTITION, SESSIONS, SITE,
};
use crate::rows::{Item, partition};
use crate::stack::aws::explain;

/// How many ids a row has at most: of 256 bytes each, they fit into the 400 KB of a row.
const IDS_MAX: usize = 1_000;

/// The rows about people who are being forgotten.
pub(super) struct Journal<'a> {
    pub(super) client: &'a Client,
    pub(super) table: &'a str,
}

impl Journal<'_> {
    /// Adds what a run that was killed knew about the person; false if there was none.
    ///
    /// # Errors
    /// The table or a row cannot be read.
    pub(super) async fn read(&self, person: &mut Person) -> Result<bool> {
        let mut is_begun = false;
        for item in self.rows().await? {
            let Some(found) = about(&item, person) else { continue };
            is_begun = true;
            person.customer = person.customer.take().or(found.customer);
            person.related.sessions.extend(found.sessions);
            person.related.orders.extend(found.orders);
        }
        Ok(is_begun)
    }

    /// Notes who is being forgotten.
    ///
    /// # Errors
    /// The table fails.
    pub(super) async fn write(&self, person: &Person) -> Result<()> {
        let sessions: Vec<&String> = person.related.sessions.iter().collect();
        let orders: Vec<&String> = person.related.orders.iter().collect();
        let count = sessions.len().max(orders.len()).div_ceil(IDS_MAX).max(1);
        for number in 0..count {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let mut put = self
                .client
                .put_item()
                .table_name(self.table)
                .item("pk", text(PARTITION))
                .item("sk", text(&format!("{}.{number:03}", name(person))))
                .item(SITE, text(&person.site))
                .item(BEGUN_AT, text(&clock::rfc3339(clock::now())));
            if let Some(customer) = &person.customer {
                put = put.item(CUSTOMER, text(customer));
            }
            for (attribute, ids) in [(SESSIONS, &sessions), (ORDERS, &orders)] {
                let ids = ids.chunks(IDS_MAX).nth(number).unwrap_or_default();
                if !ids.is_empty() {
                    let ids = ids.iter().map(|id| (*id).clone()).collect();
                    put = put.item(attribute, AttributeValue::Ss(ids));
                }
            }
            put.send().await.map_err(|error| explain("cannot note who is forgotten", error))?;
        }
        Ok(())
    }

    /// Removes the rows about a person.
    ///
    /// # Errors
    /// The table fails.
    pub(super) async fn delete(&self, person: &Person) -> Result<()> {
        for item in self.rows().await? {
            let (Some(pk), Some(sk), Some(_)) =
                (item.get("pk"), item.get("sk"), about(&item, person))
            else {
                continue;
            };
            let delete = self.client.delete_item().table_name(self.table);
            let delete = delete.key("pk", pk.clone()).key("sk", sk.clone()).send().await;
            delete.map_err(|error| explain("cannot remove the note of who is forgotten", error))?;
        }
        Ok(())
    }

    async fn rows(&self) -> Result<Vec<Item>> {
        partition(self.client, self.table, PARTITION).await
    }
}

/// What a row says, if it is about this person.
fn about(item: &Item, person: &Person) -> Option<Forgetting> {
    let found = forgetting::read(item, &mut |_| {})?;
    let is_theirs = match (&found.customer, &person.customer) {
        (Some(found), Some(customer)) => found == customer,
        _ => found.orders.iter().any(|order| person.related.orders.contains(order)),
    };
    (found.site == person.site && is_theirs).then_some(found)
}

/// What the sort keys about a person begin with.
fn name(person: &Person) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(person.site.as_bytes()).update(b"#");
    match &person.customer {
        Some(customer) => hasher.update(b"customer#").update(customer.as_bytes()),
        None => {
            let orders = person.related.orders.iter();
            orders.fold(hasher.update(b"order"), |hasher, order| {
                hasher.update(b"#").update(order.as_bytes())
            })
        }
    };
    hasher.finalize().to_hex()[..32].to_owned()
}
