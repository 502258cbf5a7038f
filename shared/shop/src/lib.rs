//! Seeded events of a fictional shop, for demonstrations, tests and benchmarks.
//!
//! The same options give the same lines on every machine, because the random number generator and
//! its arithmetic are defined here.

mod items;

pub use items::{Item, item};

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// The number of pages besides those of items.
const PAGES: u64 = 50;

/// The number of concurrent visits.
const VISITS: u64 = 400;

/// One of this many events is the last of its visit.
const VISIT_EVENTS: u64 = 12;

/// The number of customers.
const CUSTOMERS: u64 = 200_000;

/// The options of a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// The seed of the events.
    pub seed: u64,
    /// The number of items. The n-th most popular one has 1/n of the popularity of the first.
    pub items: u32,
    /// The sites over which the events are spread; if empty, lines have no site.
    pub sites: Vec<String>,
    /// Whether every event has an `event_id`.
    pub event_ids: bool,
    /// Whether checkouts begin, in place of one of six views of items.
    pub checkouts: bool,
    /// Whether a piece of the last order is given back, in place of one of ten views of pages.
    pub refunds: bool,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            seed: 1,
            items: 10_000,
            sites: Vec::new(),
            event_ids: false,
            checkouts: false,
            refunds: false,
        }
    }
}

/// The times of the events of a batch: spread evenly over the time before `end`, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The number of events.
    pub events: u64,
    /// The end, after all events.
    pub end: DateTime<Utc>,
    /// The length of the span before the end, in minutes.
    pub minutes: u32,
}

/// Generates one event after another.
#[derive(Clone, Debug)]
pub struct Generator {
    shop: Shop,
    random: Random,
    /// By rank: the cumulative popularity of this item and all more popular ones.
    popularity: Vec<f64>,
    /// By rank: the item.
    items: Vec<u32>,
    /// The current visits, as (customer, number of the visit).
    visits: Vec<(u64, u64)>,
    visits_started: u64,
    events: u64,
    last_order: Option<LastOrder>,
}

/// The last purchase.
#[derive(Clone, Debug)]
struct LastOrder {
    order_id: String,
    item: u32,
    /// The place of its site among those of the shop.
    site: usize,
}

impl Generator {
    /// Creates a generator.
    ///
    /// # Panics
    /// Panics if the shop has no items.
    pub fn new(shop: Shop) -> Self {
        assert!(shop.items > 0, "a shop has at least one item");
        let mut random = Random(shop.seed);
        let mut popularity = Vec::new();
        let mut sum = 0.0;
        for rank in 1..=shop.items {
            sum += 1.0 / f64::from(rank);
            popularity.push(sum);
        }
        let mut items: Vec<u32> = (1..=shop.items).collect();
        for last in (1..items.len()).rev() {
            let other = random.index(last + 1);
            items.swap(last, other);
        }
        let mut generator = Self {
            shop,
            random,
            popularity,
            items,
            visits: Vec::new(),
            visits_started: 0,
            events: 0,
            last_order: None,
        };
        for _ in 0..VISITS {
            let visit = generator.new_visit();
            generator.visits.push(visit);
        }
        generator
    }

    /// Generates the next event, as a line of JSON without its line end.
    pub fn line(&mut self, at: DateTime<Utc>) -> String {
        self.events += 1;
        let place = self.random.index(self.visits.len());
        let (customer, visit) = self.visits[place];
        if self.random.below(VISIT_EVENTS) == 0 {
            self.visits[place] = self.new_visit();
        }
        let timestamp = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let kind = self.random.below(100);
        let refunded = self.last_order.take_if(|_| self.shop.refunds && kind == 69);
        let event_type = match kind {
            _ if refunded.is_some() => "refund",
            50..60 if self.shop.checkouts => "begin_checkout",
            0..60 => "view_item",
            60..70 => "page_view",
            70..85 => "add_to_cart",
            85..90 => "remove_from_cart",
            _ => "purchase",
        };
        let mut line = format!(
            r#"{{"event_type":"{event_type}","timestamp":"{timestamp}","customer_id":{customer},"session_id":"{visit:08x}""#
        );
        match (kind, &refunded) {
            (60..70, refunded) => {
                let page = self.random.below(PAGES) + 1;
                if let Some(LastOrder { order_id, item, .. }) = refunded {
                    append(
                        &mut line,
                        format_args!(r#","order_id":"{order_id}","item_id":{item},"quantity":1"#),
                    );
                } else {
                    append_page(&mut line, page);
                }
            }
            _ => {
                let item = self.item();
                append(&mut line, format_args!(r#","item_id":{item}"#));
                self.append_purchase_fields(&mut line, kind, item, at);
            }
        }
        if !self.shop.sites.is_empty() {
            let drawn = self.random.index(self.shop.sites.len());
            let place = refunded.map_or(drawn, |order| order.site);
            if let Some(order) = self.last_order.as_mut().filter(|_| kind >= 90) {
                order.site = drawn;
            }
            let site = &self.shop.sites[place];
            append(&mut line, format_args!(r#","site_id":"{site}""#));
        }
        if self.shop.event_ids {
            append(
                &mut line,
                format_args!(r#","event_id":"{:x}-{}""#, self.shop.seed, self.events),
            );
        }
        let device = ["mobile", "desktop", "tablet"][self.random.index(3)];
        let country = ["DE", "US", "NL", "BR", "IN", "JP"][self.random.index(6)];
        append(&mut line, format_args!(r#","device":"{device}","country":"{country}"}}"#));
        line
    }

    fn append_purchase_fields(
        &mut self,
        line: &mut String,
        kind: u64,
        item: u32,
        at: DateTime<Utc>,
    ) {
        if kind < 70 {
            return;
        }
        let quantity = 1 + self.random.below(3);
        append(line, format_args!(r#","quantity":{quantity}"#));
        if kind >= 90 {
            let cents = price_cents(self.shop.seed, item);
            // An order counts once for ever, so batches of one seed at other times have others.
            let (order, ms) = (self.events, at.timestamp_millis());
            let (whole, rest) = (cents / 100, cents % 100);
            let order_id = format!("o-{ms:x}-{order}");
            append(
                line,
                format_args!(
                    r#","price":{whole}.{rest:02},"currency":"USD","order_id":"{order_id}""#
                ),
            );
            self.last_order = Some(LastOrder { order_id, item, site: 0 });
        }
    }

    /// Draws an item according to Zipf's law.
    fn item(&mut self) -> u32 {
        let all = self.popularity.last().copied().unwrap_or_default();
        let drawn = self.random.fraction() * all;
        let rank = self.popularity.partition_point(|popularity| *popularity <= drawn);
        self.items[rank.min(self.items.len() - 1)]
    }

    fn new_visit(&mut self) -> (u64, u64) {
        self.visits_started += 1;
        (1 + self.random.below(CUSTOMERS), self.visits_started)
    }
}

/// Generates the lines of a batch, in ascending order of time and without line ends.
pub fn lines(shop: Shop, span: Span) -> impl Iterator<Item = String> {
    let mut generator = Generator::new(shop);
    // Times use a separate generator, so that a batch and a live stream with the same seed differ
    // only in their times.
    let mut random = Random(generator.shop.seed ^ 0x7469_6d65);
    let length_ms = u128::from(span.minutes) * 60_000;
    let events = u128::from(span.events);
    (0..span.events).map(move |index| {
        let slot_start = length_ms * u128::from(index) / events;
        let slot_end = length_ms * u128::from(index + 1) / events;
        let slot_ms = u64::try_from(slot_end - slot_start).unwrap_or(u64::MAX).max(1);
        let before_end_ms = length_ms - slot_start - u128::from(random.below(slot_ms));
        let before_end = TimeDelta::milliseconds(i64::try_from(before_end_ms).unwrap_or(i64::MAX));
        generator.line(span.end - before_end)
    })
}

/// The price of an item, from 1.99 to 499.98.
fn price_cents(seed: u64, item: u32) -> u64 {
    199 + Random(seed ^ (u64::from(item) << 32)).below(49_800)
}

fn append_page(line: &mut String, page: u64) {
    append(line, format_args!(r#","page_url":"/pages/{page}?utm_source=newsletter""#));
}

fn append(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("writing to a string does not fail");
}

/// The random number generator SplitMix64: small, uniform enough for this, and portable.
///
/// **Source**: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 to `bound` - 1.
    fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of 128 bits has 64 bits")
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("an index below a length fits")
    }

    /// A number from 0 to just below 1.
    fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).expect("the upper half of 64 bits has 32 bits");
        f64::from(bits) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(events: u64, minutes: u32) -> Span {
        Span { events, end: "2026-11-20T23:00:00Z".parse().unwrap(), minutes }
    }

    fn text(shop: Shop, span: Span) -> String {
        lines(shop, span).map(|line| line + "\n").collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_lines_and_another_seed_gives_others() {
        let shop = |seed| Shop {
            seed,
            items: 100,
            sites: vec!["a".to_owned(), "b".to_owned()],
            event_ids: true,
            checkouts: true,
            refunds: true,
        };
        assert_eq!(text(shop(1), span(500, 5)), text(shop(1), span(500, 5)));
        assert_ne!(text(shop(1), span(500, 5)), text(shop(2), span(500, 5)));
    }

    #[test]
    fn a_line_keeps_its_form() {
        let sites = vec!["a".to_owned()];
        let shop = Shop { seed: 7, items: 10, sites, event_ids: true, ..Shop::default() };
        let first: Vec<String> = lines(shop, span(3, 3)).collect();
        assert!(
            first.iter().all(
                |line| line.contains("\"site_id\":\"a\"") && line.contains("\"event_id\":\"7-")
            )
        );
        let times: Vec<&str> =
            first.iter().map(|line| line.split("\"timestamp\":\"").nth(1).unwrap()).collect();
        assert!(times[0].starts_with("2026-11-20T22:57:"), "{}", times[0]);
        assert!(times[1].starts_with("2026-11-20T22:58:"), "{}", times[1]);
        assert!(times[2].starts_with("2026-11-20T22:59:"), "{}", times[2]);
        assert_eq!(&times[0][23..25], "Z\"");
    }

    #[test]
    fn checkouts_begin_in_place_of_views_and_change_nothing_else() {
        let with = |checkouts| {
            let shop = Shop { checkouts, ..Shop::default() };
            lines(shop, span(2_000, 60)).collect::<Vec<String>>()
        };
        let (without, with) = (with(false), with(true));
        let begun = with.iter().filter(|line| line.contains("begin_checkout")).count();
        assert!((150..250).contains(&begun), "{begun}");
        let as_views = with.iter().map(|line| line.replace("begin_checkout", "view_item"));
        assert_eq!(as_views.collect::<Vec<_>>(), without);
    }

    #[test]
    fn a_piece_of_the_last_order_is_given_back_in_place_of_a_view_of_a_page() {
        let with = |refunds| {
            let sites = vec!["a".to_owned(), "b".to_owned()];
            let shop = Shop { refunds, sites, ..Shop::default() };
            lines(shop, span(5_000, 60)).collect::<Vec<String>>()
        };
        let member = |line: &str, name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":")).unwrap();
            rest.split([',', '}']).next().unwrap().to_owned()
        };
        let of_order = |line: &str| ["order_id", "item_id", "site_id"].map(|it| member(line, it));
        let mut last = None;
        let mut refunds = 0;
        for (line, without) in with(true).iter().zip(with(false)) {
            if line.contains("\"refund\"") {
                assert!(without.contains("\"page_view\""), "{without}");
                assert_eq!(Some(of_order(line)), last.take());
                refunds += 1;
            } else {
                assert_eq!(*line, without);
            }
            if line.contains("\"purchase\"") {
                last = Some(of_order(line));
            }
        }
        assert!((30..60).contains(&refunds), "{refunds}");
    }

    #[test]
    fn times_ascend_also_where_events_outnumber_milliseconds() {
        let text = text(Shop { items: 3, ..Shop::default() }, span(100_000, 1));
        let times: Vec<&str> = text
            .lines()
            .map(|line| &line.split("\"timestamp\":\"").nth(1).unwrap()[..24])
            .collect();
        assert!(times.is_sorted());
        assert!(*times.last().unwrap() < "2026-11-20T23:00:00.000Z");
    }
}
