//! The rows of people who are being forgotten: they are there while `forget` works, so that a run
//! that was killed is finished by the next.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::rows::attributes::{Item, others, text, time};

/// Their partition.
pub(crate) const PARTITION: &str = "FORGETTING";

/// The attributes of a row.
pub(crate) const SITE: &str = "site";
pub(crate) const CUSTOMER: &str = "customer_id";
pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const ORDERS: &str = "orders";
pub(crate) const BEGUN_AT: &str = "begun_at";

/// What a row says about a person, who may have several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgetting {
    pub(crate) site: String,
    pub(crate) customer: Option<String>,
    pub(crate) sessions: BTreeSet<String>,
    pub(crate) orders: BTreeSet<String>,
}

/// Reads a row; `None` if it is not as docs/TABLE.md says.
pub(crate) fn read(item: &Item, odd: &mut impl FnMut(String)) -> Option<Forgetting> {
    others(item, &[SITE, CUSTOMER, SESSIONS, ORDERS, BEGUN_AT], odd);
    let read = || {
        time(item, BEGUN_AT)?;
        Ok(Forgetting {
            site: text(item, SITE)?.to_owned(),
            customer: item.get(CUSTOMER).map(|_| text(item, CUSTOMER)).transpose()?.map(Into::into),
            sessions: texts(item, SESSIONS)?,
            orders: texts(item, ORDERS)?,
        })
    };
    read().map_err(|error: anyhow::Error| odd(error.to_string())).ok()
}

fn texts(item: &Item, name: &str) -> Result<BTreeSet<String>> {
    match item.get(name) {
        None => Ok(BTreeSet::new()),
        Some(AttributeValue::Ss(texts)) => Ok(texts.iter().cloned().collect()),
        Some(other) => bail!("its {name} is {other:?}"),
    }
}
