//! The state of visitors, and its way from one secret to the next.
//!
//! Each step is one conditional write, so that a run that is stopped is continued by the next, and
//! two runs at once do not harm each other.

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::commands::clock;
use crate::rows::visitor_secrets::{SECRETS_PARTITION, STATE, STATE_PARTITION, secret_name};
use crate::rows::{self, TableRow, VisitorState};
use crate::stack::aws::explain;

/// The table, as far as it is about secrets.
pub(super) struct Secrets<'a> {
    pub(super) client: &'a Client,
    pub(super) table: &'a str,
}

/// How far a recount is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is going on.
    Idle,
    /// Chunks are counted with a new secret too; answers use the old one.
    Recounting { from: u32, to: u32 },
    /// Answers use the new one; chunks are counted with both, because some answers may not know.
    Switched { from: u32, to: u32 },
    /// Nothing uses the old one any more.
    Clearing { to: u32 },
}

impl Phase {
    pub(super) fn of(state: VisitorState) -> Self {
        let VisitorState { counting, also, clearing, .. } = state;
        match (also, clearing) {
            (Some(to), _) if to > counting => Self::Recounting { from: counting, to },
            (Some(from), _) => Self::Switched { from, to: counting },
            (None, Some(_)) => Self::Clearing { to: counting },
            (None, None) => Self::Idle,
        }
    }
}

impl Secrets<'_> {
    /// The state; `None` if there is no row of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn state(&self) -> Result<Option<VisitorState>> {
        let items = rows::partition(self.client, self.table, STATE_PARTITION).await?;
        let mut oddities = Vec::new();
        let states = items.iter().filter_map(|item| match rows::read(item, &mut oddities) {
            Some(TableRow::VisitorState(state)) => Some(state),
            _ => None,
        });
        let state = states.last();
        match oddities.first() {
            None => Ok(state),
            Some(oddity) => bail!("cannot read the state of visitors: {oddity}"),
        }
    }

    /// The number of the next secret.
    ///
    /// # Errors
    /// The secrets cannot be read.
    pub(super) async fn next_number(&self) -> Result<u32> {
        let items = rows::partition(self.client, self.table, SECRETS_PARTITION).await?;
        let numbers = items.iter().filter_map(|item| match rows::read(item, &mut Vec::new()) {
            Some(TableRow::VisitorSecret(secret)) => Some(secret.number),
            _ => None,
        });
        Ok(numbers.max().unwrap_or(0) + 1)
    }

    /// Makes a secret, and lets chunks be counted with it too.
    ///
    /// # Errors
    /// Something else changed the state or made the secret meanwhile, or the table fails.
    pub(super) async fn begin(&self, before: Option<VisitorState>, to: u32) -> Result<()> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).context("the system has no random numbers")?;
        let put = self
            .client
            .put_item()
            .table_name(self.table)
            .item("pk", text(SECRETS_PARTITION))
            .item("sk", text(&secret_name(to)))
            .item("created_at", text(&clock::rfc3339(clock::now())))
            .item("seed", AttributeValue::N(u64::from_le_bytes(seed).to_string()))
            .condition_expression("attribute_not_exists(pk)");
        let put = put.send().await;
        put.map_err(|error| explain(format!("cannot make the secret {to}"), error))?;
        let update = self.update("SET #counting = :counting, #also = :also, #since = :since");
        let update = with_numbers(update, &[("counting", counting(before)), ("also", to)]);
        let update = match before {
            None => update.condition_expression("attribute_not_exists(pk)"),
            Some(_) => update
                .condition_expression(
                    "#counting = :counting AND attribute_not_exists(#also) AND \
                     attribute_not_exists(#clearing)",
                )
                .expression_attribute_names("#clearing", "clearing"),
        };
        send(since_now(update), "begin the recount").await
    }

    /// Lets answers use the new secret.
    ///
    /// # Errors
    /// Something else changed the state meanwhile, or the table fails.
    pub(super) async fn switch(&self, from: u32, to: u32) -> Result<()> {
        let update = self
            .update("SET #counting = :to, #also = :from, #since = :since")
            .condition_expression("#counting = :from AND #also = :to");
        let update = with_names(update, &["counting", "also"]);
        let update = update.expression_attribute_values(":from", number(from));
        let update = update.expression_attribute_values(":to", number(to));
        send(since_now(update), "let answers use the new secret").await
    }

    /// Ends counting with the old secret.
    ///
    /// # Errors
    /// Something else changed the state meanwhile, or the table fails.
    pub(super) async fn retire(&self, from: u32, to: u32) -> Result<()> {
        let update = self
            .update("SET #clearing = :also, #since = :since REMOVE #also")
            .condition_expression("#counting = :counting AND #also = :also");
        let update = with_numbers(update, &[("counting", to), ("also", from)]);
        let update = update.expression_attribute_names("#clearing", "clearing");
        send(since_now(update), "end counting with the old secret").await
    }

    /// Ends the recount.
    ///
    /// # Errors
    /// Something else changed the state meanwhile, or the table fails.
    pub(super) async fn end(&self, to: u32) -> Result<()> {
        let update = self
            .update("REMOVE #clearing, #since")
            .condition_expression("#counting = :counting AND attribute_not_exists(#also)");
        let update = with_names(update, &["clearing", "since", "also"]);
        send(with_numbers(update, &[("counting", to)]), "end the recount").await
    }

    fn update(&self, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(self.table);
        update.key("pk", text(STATE_PARTITION)).key("sk", text(STATE)).update_expression(expression)
    }
}

/// The secret that answers use.
pub(super) fn counting(state: Option<VisitorState>) -> u32 {
    state.unwrap_or_default().counting
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn with_names(update: UpdateItemFluentBuilder, names: &[&str]) -> UpdateItemFluentBuilder {
    names
        .iter()
        .fold(update, |update, name| update.expression_attribute_names(format!("#{name}"), *name))
}

fn with_numbers(
    update: UpdateItemFluentBuilder,
    numbers: &[(&str, u32)],
) -> UpdateItemFluentBuilder {
    numbers.iter().fold(update, |update, (name, value)| {
        update
            .expression_attribute_names(format!("#{name}"), *name)
            .expression_attribute_values(format!(":{name}"), number(*value))
    })
}

fn since_now(update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
    with_names(update, &["since"])
        .expression_attribute_values(":since", text(&clock::rfc3339(clock::now())))
}

async fn send(update: UpdateItemFluentBuilder, what: &str) -> Result<()> {
    let answer = update.send().await;
    answer.map_err(|error| {
        explain(format!("cannot {what}; unless another run did, run it again"), error)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_says_how_far_a_recount_is() {
        for (counting, also, clearing, phase) in [
            (0, None, None, Phase::Idle),
            (0, Some(1), None, Phase::Recounting { from: 0, to: 1 }),
            (1, Some(0), None, Phase::Switched { from: 0, to: 1 }),
            (1, None, Some(0), Phase::Clearing { to: 1 }),
            (1, None, None, Phase::Idle),
            (1, Some(3), None, Phase::Recounting { from: 1, to: 3 }),
        ] {
            let state = VisitorState { counting, also, clearing, since: None };
            assert_eq!(Phase::of(state), phase, "{state:?}");
        }
    }
}
