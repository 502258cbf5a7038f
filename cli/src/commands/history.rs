//! `minutebook history`: asks the HTTP API for the series of a measure.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use chrono::DateTime;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::stack::context::Context;
use crate::stack::http;
use crate::terminal::chart::{bar, sparkline};
use crate::terminal::escape::{self, shown};
use crate::terminal::progress;
use crate::terminal::table::{self, Table};

/// The path of the call.
const PATH: &str = "history";

/// How many periods the API returns for one question, over all pages.
const PERIODS_MAX: usize = 1000;

#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// What is counted
    #[arg(value_enum)]
    measure: Measure,
    /// Length of a period
    #[arg(long, value_enum, default_value_t = Granularity::Day)]
    granularity: Granularity,
    /// The first period contains this: a date as 2026-11-20, or RFC 3339 [default: 24 hours, 30
    /// days, 12 weeks or 12 months before --to]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The last period ends at this or contains it: a date, or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only this item
    #[arg(long, value_name = "ITEM")]
    item_id: Option<String>,
    /// Site [default: the events that name no site]
    #[arg(long, value_name = "SITE")]
    site_id: Option<String>,
    /// Currency of sales, refunds and net sales [default: that of the stack]
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Time by which the refunds of orders are counted [default: refund]
    #[arg(long, value_enum)]
    basis: Option<Basis>,
    /// Time zone in which periods begin, as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// How many top items of each period, 0 to 100 [default: 3]
    #[arg(long, value_name = "N")]
    limit: Option<String>,
    /// Print the answer as one JSON document, with all pages in one
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Views of items
    Views,
    /// Additions to carts
    Carts,
    /// Checkouts that began
    Checkouts,
    /// Revenue of purchases
    Sales,
    /// Purchased units
    Units,
    /// Removals from carts
    Removals,
    /// Refunded money
    Refunds,
    /// Revenue of purchases less refunded money
    #[value(name = "net_sales", alias = "net-sales")]
    NetSales,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Basis {
    /// That of the order
    Order,
    /// That of the refund
    Refund,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Granularity {
    Hour,
    Day,
    /// Begins on Monday
    Week,
    Month,
}

/// An answer, of one page or of all. Numbers stay as they are written, because amounts of money are
/// not floats.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    measure: String,
    granularity: String,
    tz: String,
    site_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
    periods: Vec<Box<RawValue>>,
    as_of: String,
    window: Window,
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Window {
    from: String,
    to: String,
    precision: String,
}

#[derive(Debug, Deserialize)]
struct Period {
    from: String,
    total: Box<RawValue>,
    /// Absent if the question names an item.
    top: Option<Vec<BTreeMap<String, Box<RawValue>>>>,
    running: bool,
}

pub(crate) async fn run(args: HistoryArgs, context: &Context) -> Result<()> {
    let json = args.json;
    let answer = ask(args, context).await?;
    if json {
        println!("{}", escape::json(&serde_json::to_string(&answer)?));
    } else {
        print!("{}", text(&answer).context("cannot read the answer of history")?);
    }
    Ok(())
}

/// Asks for all pages, one after the other.
async fn ask(args: HistoryArgs, context: &Context) -> Result<Answer> {
    let endpoints = context.endpoints().await?;
    let query = query(args);
    let step = progress::bar("asking", 0);
    let mut answer: Option<Answer> = None;
    loop {
        let mut page_query = query.clone();
        if let Some(cursor) = answer.as_ref().and_then(|answer| answer.next_cursor.clone()) {
            page_query.push(("cursor", cursor));
        }
        let body = http::get(&endpoints, PATH, page_query).await?;
        let page = serde_json::from_str(&body).context("cannot read the answer of history")?;
        let pages = match answer {
            None => page,
            Some(pages) => pages.and(page)?,
        };
        if pages.next_cursor.is_none() {
            step.finish_and_clear();
            return Ok(pages);
        }
        answer = Some(pages);
    }
}

/// The parameters of the call, without the cursor.
fn query(args: HistoryArgs) -> Vec<(&'static str, String)> {
    let HistoryArgs {
        measure,
        granularity,
        from,
        to,
        item_id,
        site_id,
        currency,
        basis,
        tz,
        limit,
        json: _,
    } = args;
    let parameters = [
        ("measure", Some(name(measure))),
        ("granularity", Some(name(granularity))),
        ("from", from),
        ("to", to),
        ("item_id", item_id),
        ("site_id", site_id),
        ("currency", currency),
        ("basis", basis.map(name)),
        ("tz", tz),
        ("limit", limit),
    ];
    parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The name of the value, which is the same in a flag and in the API.
fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Answer {
    /// Appends the next page.
    ///
    /// # Errors
    /// The page is empty, or there are more pages than the API may have.
    fn and(mut self, page: Self) -> Result<Self> {
        if page.periods.is_empty() || self.periods.len() + page.periods.len() > PERIODS_MAX {
            bail!(
                "the API returned more than {PERIODS_MAX} periods: ask for fewer with --from and \
                 --to"
            );
        }
        self.periods.extend(page.periods);
        // `as_of` stays that of the first page: what was counted then is in all of them.
        self.window.to = page.window.to;
        if precision_rank(&page.window.precision) > precision_rank(&self.window.precision) {
            self.window.precision = page.window.precision;
        }
        self.next_cursor = page.next_cursor;
        Ok(self)
    }

    /// The question in one line.
    fn headline(&self) -> String {
        let Self { measure, granularity, tz, site_id, currency, window, .. } = self;
        let mut line = match currency {
            Some(currency) => format!("{measure} {currency} by {granularity}"),
            None => format!("{measure} by {granularity}"),
        };
        if let Some(item_id) = &self.item_id {
            line.push_str(&format!(" of item {}", table::plain(item_id)));
        }
        line.push_str(&format!(", site {site_id}, {tz}: {} to {}", window.from, window.to));
        if window.precision != "minute" {
            line.push_str(&format!(" (to the {})", window.precision));
        }
        line
    }
}

/// The rank of a precision; coarser ones are greater.
fn precision_rank(precision: &str) -> usize {
    ["minute", "hour", "day"].iter().position(|name| *name == precision).unwrap_or(0)
}

/// The answer for people.
fn text(answer: &Answer) -> Result<String> {
    let periods = answer.periods.iter().map(|period| serde_json::from_str(period.get()));
    let periods: Vec<Period> = periods.collect::<Result<_, _>>()?;
    // Floats are used for heights only.
    let heights = periods.iter().map(|period| period.total.get().parse::<f64>());
    let heights: Vec<f64> =
        heights.collect::<Result<_, _>>().map_err(|_| anyhow!("a total is not a number"))?;
    let highest = heights.iter().copied().fold(0.0, f64::max);

    let mut text = format!("{}\n", shown(&answer.headline()));
    if highest <= 0.0 {
        text.push_str("nothing was counted\n");
        return Ok(text);
    }
    text.push_str(&format!("{}\n", sparkline(&heights)));
    let total_name = match &answer.currency {
        Some(currency) => format!("{} {currency}", answer.measure),
        None => answer.measure.clone(),
    };
    let has_top =
        periods.iter().any(|period| period.top.as_ref().is_some_and(|top| !top.is_empty()));
    let top_name = if has_top { "top items" } else { "" };
    let mut table = Table::new(&[&answer.granularity, &total_name, "", top_name], &[1]);
    for (period, height) in periods.iter().zip(heights) {
        let running = if period.running { " (running)" } else { "" };
        table.add_row([
            format!("{}{running}", label(&answer.granularity, &period.from)),
            period.total.get().to_owned(),
            bar(height, highest),
            period.top.as_deref().map_or_else(String::new, top_items),
        ]);
    }
    text.push_str(&table.text());
    Ok(text)
}

/// The start of a period, as short as its granularity allows.
fn label(granularity: &str, from: &str) -> String {
    let Ok(time) = DateTime::parse_from_rfc3339(from) else { return from.to_owned() };
    let format = match granularity {
        // The offset distinguishes the two hours of the same name at the end of summer time.
        "hour" if from.ends_with('Z') => "%Y-%m-%d %H:%MZ",
        "hour" => "%Y-%m-%d %H:%M%:z",
        "month" => "%Y-%m",
        _ => "%Y-%m-%d",
    };
    time.format(format).to_string()
}

fn top_items(items: &[BTreeMap<String, Box<RawValue>>]) -> String {
    let items = items.iter().map(|item| {
        let member =
            |name: &str| item.get(name).map_or_else(String::new, |value| table::plain(value));
        format!("{}: {}", member("item_id"), member("total"))
    });
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_PAGE: &str = r#"{"measure":"sales","granularity":"day","tz":"Europe/Berlin","site_id":"default",
        "currency":"USD","periods":[
        {"from":"2026-11-19T00:00:00+01:00","to":"2026-11-20T00:00:00+01:00","total":12.50,
         "top":[{"item_id":1,"total":10.00},{"item_id":"sku-2","total":2.50}],"running":false},
        {"from":"2026-11-20T00:00:00+01:00","to":"2026-11-21T00:00:00+01:00","total":0.00,"top":[],"running":false}],
        "as_of":"2026-11-21T12:00:00Z","window":{"from":"2026-11-18T23:00:00Z","to":"2026-11-20T23:00:00Z",
        "precision":"minute"},"next_cursor":"abc"}"#;

    const LAST_PAGE: &str = r#"{"measure":"sales","granularity":"day","tz":"Europe/Berlin","site_id":"default",
        "currency":"USD","periods":[
        {"from":"2026-11-21T00:00:00+01:00","to":"2026-11-22T00:00:00+01:00","total":100000000000000000000.000000000001,
         "top":[{"item_id":3,"total":100000000000000000000.000000000001}],"running":true}],
        "as_of":"2026-11-21T12:01:00Z","window":{"from":"2026-11-20T23:00:00Z","to":"2026-11-21T23:00:00Z",
        "precision":"hour"},"next_cursor":null}"#;

    fn answer(body: &str) -> Answer {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn pages_become_one_document_with_numbers_as_they_are_written() {
        let merged = answer(FIRST_PAGE).and(answer(LAST_PAGE)).unwrap();
        let json = serde_json::to_string(&merged).unwrap();
        assert!(
            json.starts_with(r#"{"measure":"sales","granularity":"day","tz":"Europe/Berlin","#),
            "{json}"
        );
        assert!(json.contains(r#""total":100000000000000000000.000000000001"#), "{json}");
        let end = concat!(
            r#""as_of":"2026-11-21T12:00:00Z","window":{"from":"2026-11-18T23:00:00Z","#,
            r#""to":"2026-11-21T23:00:00Z","precision":"hour"},"next_cursor":null}"#
        );
        assert!(json.ends_with(end), "{json}");
        assert_eq!(merged.periods.len(), 3);
    }

    #[test]
    fn pages_that_do_not_end_are_an_error() {
        let empty = r#"{"measure":"views","granularity":"day","tz":"UTC","site_id":"s","periods":[],"as_of":"",
            "window":{"from":"","to":"","precision":"minute"},"next_cursor":"abc"}"#;
        let error = answer(FIRST_PAGE).and(answer(empty)).unwrap_err().to_string();
        assert!(error.contains("1000 periods") && error.contains("--from"), "{error}");
        let mut long = answer(FIRST_PAGE);
        while long.periods.len() < PERIODS_MAX {
            long.periods.extend(answer(LAST_PAGE).periods);
        }
        assert!(long.and(answer(LAST_PAGE)).is_err());
    }

    #[test]
    fn prints_a_line_of_all_totals_and_a_row_a_period() {
        let merged = answer(FIRST_PAGE).and(answer(LAST_PAGE)).unwrap();
        let expected = "\
sales USD by day, site default, Europe/Berlin: 2026-11-18T23:00:00Z to 2026-11-21T23:00:00Z (to the hour)
▂▁█
day                                            sales USD                        top items
2026-11-19                                         12.50  ▏                     1: 10.00, sku-2: 2.50
2026-11-20                                          0.00
2026-11-21 (running)  100000000000000000000.000000000001  ████████████████████  3: 100000000000000000000.000000000001
";
        assert_eq!(text(&merged).unwrap(), expected);
    }

    #[test]
    fn one_item_has_no_top_and_no_counts_no_table() {
        let body = r#"{"measure":"views","granularity":"hour","tz":"UTC","site_id":"shop","item_id":"a b","periods":[
            {"from":"2026-11-20T23:00:00Z","to":"2026-11-21T00:00:00Z","total":4,"running":false},
            {"from":"2026-11-21T00:00:00Z","to":"2026-11-21T01:00:00Z","total":2,"running":true}],"as_of":"",
            "window":{"from":"2026-11-20T23:00:00Z","to":"2026-11-21T01:00:00Z","precision":"minute"},"next_cursor":null}"#;
        let expected = "\
views by hour of item a b, site shop, UTC: 2026-11-20T23:00:00Z to 2026-11-21T01:00:00Z
█▅
hour                         views
2026-11-20 23:00Z                4  ████████████████████
2026-11-21 00:00Z (running)      2  ██████████
";
        assert_eq!(text(&answer(body)).unwrap(), expected);
        let zeros =
            body.replace("\"total\":4", "\"total\":0").replace("\"total\":2", "\"total\":0");
        assert!(text(&answer(&zeros)).unwrap().ends_with("\nnothing was counted\n"));
    }

    #[test]
    fn a_period_is_named_as_short_as_possible() {
        for (granularity, from, expected) in [
            ("hour", "2026-10-25T02:00:00+01:00", "2026-10-25 02:00+01:00"),
            ("hour", "2026-10-25T02:00:00Z", "2026-10-25 02:00Z"),
            ("day", "2026-10-25T00:00:00+02:00", "2026-10-25"),
            ("week", "2026-10-19T00:00:00+02:00", "2026-10-19"),
            ("month", "2026-10-01T00:00:00+02:00", "2026-10"),
            ("day", "?", "?"),
        ] {
            assert_eq!(label(granularity, from), expected);
        }
    }

    #[test]
    fn a_question_names_what_was_given_and_nothing_else() {
        let args = HistoryArgs {
            measure: Measure::Refunds,
            granularity: Granularity::Week,
            from: Some("2026-11-01".to_owned()),
            to: None,
            item_id: None,
            site_id: None,
            currency: Some("EUR".to_owned()),
            basis: Some(Basis::Order),
            tz: None,
            limit: Some("0".to_owned()),
            json: true,
        };
        let expected = [
            ("measure", "refunds"),
            ("granularity", "week"),
            ("from", "2026-11-01"),
            ("currency", "EUR"),
            ("basis", "order"),
            ("limit", "0"),
        ];
        assert_eq!(query(args), expected.map(|(name, value)| (name, value.to_owned())));
    }
}
