//! The rows of orders, which go on under stand-ins.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use futures::TryStreamExt as _;
use minutebook_domain::chunk::forget::Person;
use minutebook_domain::count::secret::VisitorSecret;

use crate::rows::{self, Item, TableRow};
use crate::stack::aws::explain;
use crate::terminal::progress;

/// The attributes that name a customer, and the one that people know an order by.
const CUSTOMERS: [&str; 2] = ["customer_id", "purchase_customer_id"];
const NUMBER: &str = "order_number";

/// How often an order is read again that was changed meanwhile.
const ATTEMPTS_MAX: u32 = 20;

/// The rows of the orders of a site.
#[derive(Default)]
pub(super) struct OrderRows {
    /// The orders of the customer.
    pub(super) of_customer: BTreeSet<String>,
    /// All orders.
    all: BTreeSet<String>,
    /// The keys of each order in the list of recent ones.
    recent: BTreeMap<String, Vec<Item>>,
}

impl OrderRows {
    /// Reads the rows of the site of a person.
    ///
    /// # Errors
    /// The table cannot be read.
    pub(super) async fn read(client: &Client, table: &str, person: &Person) -> Result<Self> {
        let step = progress::bar("reading the table", 0);
        let mut found = Self::default();
        let mut items = std::pin::pin!(rows::scan(client, table));
        while let Some(item) = items.try_next().await? {
            match rows::read(&item, &mut Vec::new()) {
                Some(TableRow::Order(row)) if row.site == person.site => {
                    let is_theirs = CUSTOMERS.iter().any(|name| {
                        let customer = row.attributes.get(*name);
                        customer.is_some() && customer == person.customer.as_ref()
                    });
                    if is_theirs {
                        found.of_customer.insert(row.order.clone());
                    }
                    found.all.insert(row.order);
                }
                Some(TableRow::RecentOrder(row)) if row.site == person.site => {
                    found.recent.entry(row.order).or_default().push(item);
                }
                _ => {}
            }
        }
        step.finish_and_clear();
        Ok(found)
    }

    /// How many of the orders of a person have a row.
    pub(super) fn count(&self, person: &Person) -> usize {
        person.related.orders.intersection(&self.all).count()
    }

    /// Puts the rows of the orders of a person under stand-ins, each in one transaction.
    ///
    /// # Errors
    /// The table fails, or an order is there under both names.
    pub(super) async fn replace(
        &self,
        client: &Client,
        table: &str,
        person: &Person,
        secret: VisitorSecret,
    ) -> Result<()> {
        for order in person.related.orders.intersection(&self.all) {
            let stand_in = secret.stand_in_of_order(&person.site, order);
            if stand_in != *order {
                self.replace_one(client, table, person, (order, &stand_in), secret).await?;
            }
        }
        Ok(())
    }

    async fn replace_one(
        &self,
        client: &Client,
        table: &str,
        person: &Person,
        (order, stand_in): (&str, &str),
        secret: VisitorSecret,
    ) -> Result<()> {
        let site = &person.site;
        let (old_pk, new_pk) = (format!("O#{site}#{order}"), format!("O#{site}#{stand_in}"));
        for _ in 0..ATTEMPTS_MAX {
            let found = rows::partition(client, table, &old_pk).await?;
            let Some(old) = found.into_iter().next() else { return Ok(()) };
            let new = forgotten(old.clone(), &new_pk, (person, order, stand_in), secret);
            let revision = old.get("revision").context("an order row has no revision")?.clone();
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(key_of(&old)))
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", revision);
            let put = Put::builder().table_name(table).set_item(Some(new));
            let put = put.condition_expression("attribute_not_exists(pk)");
            let mut actions = vec![
                TransactWriteItem::builder().delete(delete.build()?).build(),
                TransactWriteItem::builder().put(put.build()?).build(),
            ];
            for row in self.recent.get(order).into_iter().flatten() {
                let delete = Delete::builder().table_name(table).set_key(Some(key_of(row)));
                let put = Put::builder().table_name(table).set_item(Some(moved(row, stand_in)?));
                actions.push(TransactWriteItem::builder().delete(delete.build()?).build());
                actions.push(TransactWriteItem::builder().put(put.build()?).build());
            }
            let write = client.transact_write_items().set_transact_items(Some(actions));
            let Err(error) = write.send().await else { return Ok(()) };
            let is_cancelled = error.as_service_error().is_some_and(|error| {
                error.is_transaction_canceled_exception()
                    || error.is_transaction_in_progress_exception()
            });
            if !is_cancelled {
                return Err(explain("cannot forget an order", error));
            }
            if !rows::partition(client, table, &new_pk).await?.is_empty() {
                bail!(
                    "the order {order} was reported again after it was forgotten, and counts once \
                     more since: its row cannot be forgotten"
                );
            }
        }
        bail!("the order {order} kept changing: run it again, it continues")
    }
}

/// The row of an order without what names people.
fn forgotten(
    mut row: Item,
    pk: &str,
    (person, order, stand_in): (&Person, &str, &str),
    secret: VisitorSecret,
) -> Item {
    let customers: Vec<String> =
        CUSTOMERS.iter().filter_map(|name| row.get(*name)?.as_s().ok().cloned()).collect();
    // The id of an event may be one of theirs.
    let stand_in_of = |id: &str| match id {
        _ if id == order => Some(stand_in.to_owned()),
        _ if customers.iter().any(|it| it == id)
            || person.customer.as_deref() == Some(id)
            || person.related.sessions.contains(id) =>
        {
            Some(secret.stand_in_of_visitor(id))
        }
        _ => None,
    };
    if let Some(AttributeValue::L(refunds)) = row.get_mut("refunds") {
        for refund in refunds {
            let AttributeValue::M(members) = refund else { continue };
            if let Some(AttributeValue::S(id)) = members.get_mut("event_id")
                && let Some(stand_in) = stand_in_of(id)
            {
                *id = stand_in;
            }
        }
    }
    row.insert("pk".to_owned(), AttributeValue::S(pk.to_owned()));
    row.remove(NUMBER);
    for name in CUSTOMERS {
        if let Some(AttributeValue::S(customer)) = row.get_mut(name) {
            *customer = secret.stand_in_of_visitor(customer);
        }
    }
    row
}

/// A row of the list of recent orders under another order id.
fn moved(row: &Item, stand_in: &str) -> Result<Item> {
    let sk = row.get("sk").and_then(|sk| sk.as_s().ok()).context("a row has no sort key")?;
    let (placed_at, _) = sk.split_once('#').context("a recent order has no id")?;
    let mut row = row.clone();
    row.insert("sk".to_owned(), AttributeValue::S(format!("{placed_at}#{stand_in}")));
    Ok(row)
}

fn key_of(row: &Item) -> Item {
    let is_key = |name: &&String| matches!(name.as_str(), "pk" | "sk");
    let keys = row.iter().filter(|(name, _)| is_key(name));
    keys.map(|(name, value)| (name.clone(), value.clone())).collect()
}
