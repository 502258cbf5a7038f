//! Reads chunks at once and in small pushes, and compares the counts.

use std::io::Write;

use crate::chunk::{ChunkCount, ChunkError, ChunkReader, ChunkSettings, OutcomeNotes, Outcomes};
use crate::count::measure::Currency;
use crate::count::secret::VisitorSecret;
use crate::order::facts::{OrderFacts, OrderId};
use crate::order::purchases::OrderLine;
use crate::order::refunds::{RefundOf, ReportedRefund};
use crate::plan::PlanInputs;

pub(super) const REFERENCE_TIME: &str = "2026-11-20T23:30:00Z";
pub(super) const AT: &str = r#""timestamp":"2026-11-20T23:07:31.123Z""#;

pub(in crate::chunk) fn settings(size_bytes: usize) -> ChunkSettings {
    ChunkSettings {
        inputs: PlanInputs {
            default_currency: Currency::parse(b"EUR").unwrap(),
            ..PlanInputs::with_defaults(REFERENCE_TIME.parse().unwrap())
        },
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes: size_bytes as u64,
    }
}

pub(in crate::chunk) fn read(bytes: &[u8], push_bytes: usize) -> Result<ChunkCount, ChunkError> {
    let mut reader = ChunkReader::new(&settings(bytes.len()));
    let mut rejected = Vec::new();
    for block in bytes.chunks(push_bytes) {
        reader.push(block)?;
        if reader.rejected_bytes() > 100 {
            rejected.extend(reader.take_rejected());
            assert_eq!(reader.rejected_bytes(), 0);
        }
    }
    let mut count = reader.finish()?;
    rejected.append(&mut count.rejected);
    count.rejected = rejected;
    let Outcomes { lines, counted, ignored, duplicate, .. } = count.outcomes;
    assert_eq!(lines, counted + ignored + duplicate + count.outcomes.rejected_total());
    assert_eq!(count.tally.is_empty() && count.orders.is_empty(), count.outcomes.events == 0);
    Ok(count)
}

/// The count as text, which must not depend on how the bytes arrive.
pub(in crate::chunk) fn summary(count: &ChunkCount) -> String {
    let Outcomes { lines, counted, ignored, duplicate, rejected, events, notes } = &count.outcomes;
    let rejected_lines = String::from_utf8_lossy(&count.rejected);
    let is_silent = *notes == OutcomeNotes::default();
    let notes = if is_silent { String::new() } else { format!(", {notes:?}") };
    let orders: String = count.orders.iter().map(|order| format!("{order:?}\n")).collect();
    format!(
        "{lines} lines, {counted} counted, {ignored} ignored, {duplicate} duplicate, {rejected:?}, {events} events{notes}\n{:?}{orders}{rejected_lines}",
        count.tally
    )
}

pub(super) fn read_whole(text: &[u8]) -> ChunkCount {
    let whole = read(text, usize::MAX).unwrap();
    if text.len() < 5_000 {
        for push_bytes in [1, 7, 64] {
            assert_eq!(summary(&read(text, push_bytes).unwrap()), summary(&whole));
        }
    }
    whole
}

/// The tally of lines as text, without the default minute and site.
pub(super) fn tally(text: &str) -> String {
    let count = read_whole(text.as_bytes());
    assert_eq!(
        count.outcomes.rejected_total(),
        0,
        "{text}: {}",
        String::from_utf8_lossy(&count.rejected)
    );
    format!("{:?}", count.tally)
        .replace(" 2026-11-20T23:07:00Z", "")
        .replace("default ", "")
        .trim_end()
        .replace('\n', "; ")
}

pub(super) fn check_tally(text: &str, expected: &str) {
    assert_eq!(tally(text), expected, "{text}");
}

/// The lines of the orders: `site/id: currency item units/money, …; …`, with the number of a line
/// if there are several.
pub(super) fn order_lines(count: &ChunkCount) -> String {
    let of_order = |(order, facts): (&OrderId, &OrderFacts)| {
        let purchased = facts.purchased.as_ref()?;
        let lines = purchased.lines.iter().map(|(line, count)| {
            let OrderLine { currency, item, units, money } = line;
            let several = if count > 1 { format!("{count} of ") } else { String::new() };
            format!("{several}{currency} {item} {units}/{money}")
        });
        let lines: Vec<String> = lines.collect();
        Some(format!("{}/{}: {}", order.site, order.id, lines.join(", ")))
    };
    count.orders.iter().filter_map(of_order).collect::<Vec<_>>().join("; ")
}

/// `site/order: [count of] [event:][item ]what, …; …`, the refunds of the orders.
pub(super) fn order_refunds(count: &ChunkCount) -> String {
    let of_order = |(order, facts): (&OrderId, &OrderFacts)| {
        let refunds = facts.refunds.iter().map(|ReportedRefund { refund, count, .. }| {
            let several = if *count > 1 { format!("{count} of ") } else { String::new() };
            let event = refund.event_id.as_ref().map_or(String::new(), |id| format!("{id}:"));
            let item = refund.item.as_ref().map_or(String::new(), |item| format!("{item} "));
            let what = match refund.what {
                RefundOf::Everything => "everything".to_string(),
                RefundOf::Units(units) => format!("{units} units"),
                RefundOf::Money(money, currency) => format!("{money} {currency}"),
            };
            format!("{several}{event}{item}{what}")
        });
        let refunds: Vec<String> = refunds.collect();
        (!refunds.is_empty())
            .then(|| format!("{}/{}: {}", order.site, order.id, refunds.join(", ")))
    };
    count.orders.iter().filter_map(of_order).collect::<Vec<_>>().join("; ")
}

pub(super) fn check_rejected(line: &str, reason: &str) {
    let count = read_whole(line.as_bytes());
    let reasons: Vec<_> =
        count.outcomes.rejected.iter().map(|(reason, lines)| format!("{reason} {lines}")).collect();
    assert_eq!(reasons, [format!("{reason} 1")], "{line}");
    assert!(count.tally.is_empty());
}

/// `counted/ignored/duplicate`.
pub(super) fn check_outcomes(text: &str, expected: &str) {
    let Outcomes { counted, ignored, duplicate, .. } = read_whole(text.as_bytes()).outcomes;
    assert_eq!(format!("{counted}/{ignored}/{duplicate}"), expected, "{text}");
}

/// What is reported about a text besides its outcomes: dropped fields, unknown types, and how many
/// purchases have no money.
pub(super) fn check_notes(text: &str, expected: &str) {
    let OutcomeNotes { dropped, unknown_types, purchases_without_money } =
        read_whole(text.as_bytes()).outcomes.notes;
    let dropped = dropped.iter().map(|(field, events)| format!("{}={events}", field.name()));
    let types = unknown_types.by_name.iter().map(|(name, events)| format!("{name}={events}"));
    let mut notes: Vec<String> = dropped.chain(types).collect();
    if purchases_without_money > 0 {
        notes.push(format!("without money {purchases_without_money}"));
    }
    assert_eq!(notes.join(", "), expected, "{text}");
}

/// An event with these additional members.
pub(in crate::chunk) fn event(kind: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"event_type":"{kind}",{AT}{comma}{members}}}"#)
}

pub(super) fn read_taken(line: &str) {
    assert_eq!(read_whole(line.as_bytes()).outcomes.rejected_total(), 0, "{line}");
}

pub(in crate::chunk) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
