//! `minutebook check`: says offline what would become of event files.

use std::time::Instant;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minutebook_domain::count::measure::Currency;
use serde_json::{Value, json};

use crate::commands::clock;
use crate::event_files::files::{self, Source};
use crate::findings::{Findings, FirstRejected, examine, findings_text};
use crate::rows::ledger::Counts;
use crate::stack::options::time_zone;
use crate::terminal::escape::{self, shown};
use crate::terminal::table::Table;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// Files and folders of events, as JSON or CSV with a header (plain, gzip or zstd); - for
    /// standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The currency of money that names none
    #[arg(long, default_value = "USD", value_name = "CODE", value_parser = currency)]
    currency: Currency,
    /// The zone of times that name none, by its IANA name
    #[arg(long, default_value = "UTC", value_name = "ZONE", value_parser = time_zone)]
    time_zone: Tz,
    /// The time from which events are in the future: now, or a time in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time)]
    as_of: Option<DateTime<Utc>>,
    /// Succeed although lines are rejected
    #[arg(long)]
    allow_rejected: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text.as_bytes()).ok_or_else(|| "three letters, such as EUR".to_owned())
}

/// What was found in a file, or why it would be refused.
type Checked = (Source, Result<Findings>);

pub(crate) async fn run(args: CheckArgs) -> Result<()> {
    let json = args.json;
    let allow_rejected = args.allow_rejected;
    let begun = Instant::now();
    let checked = tokio::task::spawn_blocking(move || check(&args)).await??;
    if json {
        println!("{}", escape::json(&serde_json::to_string_pretty(&report_json(&checked))?));
    } else {
        print!("{}", report_text(&checked));
        println!("read in {:.1} s; nothing was sent", begun.elapsed().as_secs_f64());
    }
    let refused = checked.iter().filter(|(_, findings)| findings.is_err()).count();
    if refused > 0 {
        bail!("{refused} of {} files would be refused", checked.len());
    }
    let rejected = sum(&checked).rejected;
    if rejected > 0 && !allow_rejected {
        bail!("{rejected} lines would be rejected (--allow-rejected accepts that)");
    }
    Ok(())
}

fn check(args: &CheckArgs) -> Result<Vec<Checked>> {
    let as_of = args.as_of.unwrap_or_else(clock::now);
    let check = |source: Source| {
        let findings = examine(&source, as_of, args.currency, args.time_zone);
        (source, findings)
    };
    Ok(files::find(&args.files, "")?.into_iter().map(check).collect())
}

fn sum(checked: &[Checked]) -> Counts {
    let mut sum = Counts::default();
    for (_, findings) in checked {
        if let Ok(findings) = findings {
            sum.add(&findings.counts);
        }
    }
    sum
}

fn report_text(checked: &[Checked]) -> String {
    let headings = ["file", "lines", "counted", "ignored", "duplicate", "rejected"];
    let mut table = Table::new(&headings, &[1, 2, 3, 4, 5]);
    for (source, findings) in checked {
        match findings {
            Ok(findings) => table.add_row(row(&source.name, &findings.counts)),
            Err(_) => table.add_row([source.name.as_str(), "-", "-", "-", "-", "refused"]),
        }
    }
    if checked.len() > 1 {
        table.add_row(row("sum", &sum(checked)));
    }
    let mut text = table.text();
    for (source, findings) in checked {
        let lines = match findings {
            Ok(findings) => findings_text(&findings.counts, findings),
            Err(error) => format!("refused: {}\n", shown(&format!("{error:#}"))),
        };
        if checked.len() > 1 && !lines.is_empty() {
            text.push_str(&format!("{}:\n", shown(&source.name)));
        }
        text.push_str(&lines);
        if let Ok(findings) = findings {
            let sums: Vec<String> = findings
                .sums
                .iter()
                .map(|(measure, amount)| format!("{measure} {amount}"))
                .collect();
            if !sums.is_empty() {
                text.push_str(&format!("counts {}\n", sums.join(", ")));
            }
        }
    }
    text
}

fn row(name: &str, counts: &Counts) -> [String; 6] {
    let Counts { lines, counted, ignored, duplicate, rejected, .. } = counts;
    let numbers = [lines, counted, ignored, duplicate, rejected].map(u64::to_string);
    let [lines, counted, ignored, duplicate, rejected] = numbers;
    [name.to_owned(), lines, counted, ignored, duplicate, rejected]
}

fn report_json(checked: &[Checked]) -> Value {
    let file = |(source, findings): &Checked| {
        let mut object = json!({ "file": source.name });
        match findings {
            Ok(findings) => {
                findings.counts.add_to(&mut object);
                let rejected = findings.first_rejected.iter().map(|(reason, first)| {
                    let FirstRejected { line, event, time, text } = first;
                    let first = json!({"line": line, "event": event, "time": time, "text": text});
                    (reason.clone(), first)
                });
                object["first_rejected"] = Value::Object(rejected.collect());
                let unread = findings.unread.iter();
                object["not_read"] = unread
                    .map(|(name, (field, lines))| json!({"name": name, "field": field, "lines": lines}))
                    .collect();
                let sums = findings.sums.iter();
                let sums = sums.map(|(measure, sum)| (measure.clone(), json!(sum.to_string())));
                object["counts"] = Value::Object(sums.collect());
            }
            Err(error) => object["refused"] = json!(format!("{error:#}")),
        }
        object
    };
    let mut all = json!({});
    sum(checked).add_to(&mut all);
    json!({ "files": checked.iter().map(file).collect::<Vec<_>>(), "sum": all })
}
