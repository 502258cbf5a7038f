//! `minutebook top`: asks the HTTP API for one of the three rankings.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow};
use clap::ValueEnum;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::stack::context::Context;
use crate::stack::http;
use crate::terminal::escape::{self, shown};
use crate::terminal::table::{self, Table};

#[derive(Debug, clap::Args)]
pub(crate) struct TopArgs {
    /// What items are ranked by
    #[arg(value_enum)]
    pub(crate) what: Ranking,
    /// Site [default: the events that name no site]
    #[arg(long, value_name = "SITE")]
    pub(crate) site_id: Option<String>,
    /// Length of the window, as 15m, 1h, 24h or 7d [default: 1h for views, else 24h]
    #[arg(long)]
    pub(crate) window: Option<String>,
    /// What is listed: items, or what the catalogue says they are [default: item]
    #[arg(long, value_parser = ["item", "category", "brand"])]
    pub(crate) by: Option<String>,
    /// How many items, 1 to 100 [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<String>,
    /// Last minute of the window, as a time in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
    /// Currency of sales [default: that of the stack]
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<String>,
    /// Print the answer of the API unchanged
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ranking {
    /// The most viewed items
    Views,
    /// The items most added to carts
    Carts,
    /// The highest-grossing items
    Sales,
}

impl Ranking {
    /// The path of the call.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Views => "most_viewed_item",
            Self::Carts => "top_item_added_to_cart",
            Self::Sales => "highest_grossing_item",
        }
    }

    /// The name of the number in the answer and in each item of `top`.
    fn number(self) -> &'static str {
        match self {
            Self::Views => "views",
            Self::Carts => "adds_to_cart",
            Self::Sales => "total_sales",
        }
    }
}

pub(crate) async fn run(args: TopArgs, context: &Context) -> Result<()> {
    let ranking = args.what;
    let json = args.json;
    let body = ask(args, context).await?;
    if json {
        println!("{}", escape::json(&body));
        return Ok(());
    }
    print!(
        "{}",
        text(ranking, &body)
            .with_context(|| format!("cannot read the answer of {}", ranking.path()))?
    );
    Ok(())
}

/// Makes the call, and returns the body of the answer.
pub(crate) async fn ask(args: TopArgs, context: &Context) -> Result<String> {
    let what = args.what;
    let parameters = [
        ("site_id", args.site_id),
        ("window", args.window),
        ("by", args.by),
        ("limit", args.limit),
        ("as_of", args.as_of),
        ("currency", args.currency),
    ];
    let query = parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    http::get(&context.endpoints().await?, what.path(), query).await
}

/// The answer for people.
pub(crate) fn text(ranking: Ranking, body: &str) -> Result<String> {
    // Numbers are printed as they are written, never as floats.
    let answer: Map<String, Value> = serde_json::from_str(body)?;
    let raw: BTreeMap<String, Box<RawValue>> = serde_json::from_str(body)?;
    let top = raw.get("top").ok_or_else(|| anyhow!("it has no member top"))?;
    let top: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(top.get())?;

    let window = |name: &str| {
        answer.get("window").and_then(|window| window.get(name)).and_then(Value::as_str)
    };
    let from = window("from").unwrap_or("?");
    let to = window("to").unwrap_or("?");
    let currency = answer.get("currency").and_then(Value::as_str);
    let number_name = match currency {
        Some(currency) => format!("{} {currency}", ranking.number()),
        None => ranking.number().to_owned(),
    };
    let mut text = format!("{} to {}\n", shown(from), shown(to));
    if top.is_empty() {
        text.push_str("nothing was counted\n");
        return Ok(text);
    }
    // Items have names only where there is a catalogue, and a list of groups says what it lists.
    let by = answer.get("by").and_then(Value::as_str).unwrap_or("item_id");
    let has_names = top.iter().any(|entry| entry.contains_key("name"));
    let columns = if has_names { &["", by, "name"][..] } else { &["", by] };
    let mut table = Table::new(&[columns, &[&number_name]].concat(), &[0, columns.len()]);
    let member = |entry: &BTreeMap<String, Box<RawValue>>, name: &str| {
        entry.get(name).map_or_else(String::new, |value| table::plain(value))
    };
    let mut add = |place: String, what: String, name: String, number: String| {
        let name = has_names.then_some(name);
        table.add_row([Some(place), Some(what), name, Some(number)].into_iter().flatten());
    };
    for (index, entry) in top.iter().enumerate() {
        let [what, name, number] = [by, "name", ranking.number()].map(|it| member(entry, it));
        add((index + 1).to_string(), what, name, number);
    }
    for (what, label) in [("ungrouped", "(in none)"), ("other", "(without a name)")] {
        let Some(rest) = raw.get(what) else { continue };
        let number = member(&serde_json::from_str(rest.get())?, ranking.number());
        add(String::new(), label.to_owned(), String::new(), number);
    }
    text.push_str(&table.text());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_items_and_amounts_as_they_are_written() {
        let body = r#"{"highest_grossing_item":3,"total_sales":1300.00,"currency":"USD",
            "top":[{"item_id":3,"total_sales":1300.00},{"item_id":"sku-1","total_sales":0.000000000001}],
            "as_of":"2026-11-20T12:00:00Z",
            "window":{"from":"2026-11-19T12:01:00Z","to":"2026-11-20T12:01:00Z","precision":"minute"}}"#;
        let expected = "\
2026-11-19T12:01:00Z to 2026-11-20T12:01:00Z
   item_id  total_sales USD
1  3                1300.00
2  sku-1     0.000000000001
";
        assert_eq!(text(Ranking::Sales, body).unwrap(), expected);
    }

    #[test]
    fn says_what_has_no_name_below_the_items() {
        let body = r#"{"most_viewed_item":7,"views":12,"top":[{"item_id":7,"views":12}],"other":{"views":345},
            "window":{"from":"a","to":"b"}}"#;
        let expected = "\
a to b
   item_id           views
1  7                    12
   (without a name)    345
";
        assert_eq!(text(Ranking::Views, body).unwrap(), expected);
    }

    #[test]
    fn items_have_their_names_and_groups_theirs() {
        let body = r#"{"most_viewed_item":7,"views":12,
            "top":[{"item_id":7,"name":"Oat mug","views":12},{"item_id":"b","views":3}],
            "window":{"from":"a","to":"b"}}"#;
        let expected = "\
a to b
   item_id  name     views
1  7        Oat mug     12
2  b                     3
";
        assert_eq!(text(Ranking::Views, body).unwrap(), expected);
        let body = r#"{"by":"category","top":[{"category":"Mugs","views":12}],"ungrouped":{"views":3},
            "window":{"from":"a","to":"b"}}"#;
        let expected = "\
a to b
   category   views
1  Mugs          12
   (in none)      3
";
        assert_eq!(text(Ranking::Views, body).unwrap(), expected);
    }

    #[test]
    fn says_that_nothing_was_counted() {
        let body = r#"{"most_viewed_item":null,"views":0,"top":[],"window":{"from":"a","to":"b"}}"#;
        assert_eq!(text(Ranking::Views, body).unwrap(), "a to b\nnothing was counted\n");
    }
}
