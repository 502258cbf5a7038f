//! The order events of histories. Each order has a story, whose events appear in any chunk, out of
//! order, twice, or never.

use minutebook_tests::random::Random;

use crate::steps::{Setting, text_of};

/// Chunks report only this many of the newest orders, so that several events of an order occur.
const ORDERS_REPORTED: usize = 6;

/// The orders of a history so far, each with its story.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    stories: Vec<Story>,
}

/// Every event that chunks can report about an order, one line each.
type Story = Vec<String>;

impl Orders {
    /// Order lines for a chunk. Some are about new orders, which are created at some of `times`.
    pub(crate) fn lines(
        &mut self,
        random: &mut Random,
        setting: &Setting,
        times: &[i64],
    ) -> Vec<String> {
        let new_orders = if self.stories.is_empty() { 1 } else { random.below(4) };
        for _ in 0..new_orders {
            let (number, made) = (self.stories.len(), *random.pick(times));
            self.stories.push(story(random, setting, number, made));
        }
        let reported = &self.stories[self.stories.len().saturating_sub(ORDERS_REPORTED)..];
        let mut lines = vec![];
        for _ in 0..1 + random.below(12) {
            // Prefer the newest order.
            let story =
                if random.chance(50) { reported.len() - 1 } else { random.index(reported.len()) };
            lines.push(random.pick(&reported[story]).clone());
        }
        lines
    }
}

/// The events of an order created at `made`, in seconds since 1970.
fn story(random: &mut Random, setting: &Setting, number: usize, made: i64) -> Story {
    let site = *random.pick(&setting.sites);
    let nanosecond = *random.pick(&[0, 1, 999_999_999]);
    let line = |kind: &str, seconds: i64, members: &str| {
        // Insert a fraction before the `Z` at the end of `text_of`.
        let time = text_of(made + seconds).replace('Z', &format!(".{nanosecond:09}Z"));
        let site =
            if site == "default" { String::new() } else { format!(",\"site_id\":\"{site}\"") };
        format!(
            "{{\"eventType\":\"{kind}\",\"timestamp\":\"{time}\"{site},\"orderId\":\"o-{number}\"{members}}}"
        )
    };
    let event = |kind: &str, seconds: i64, members: &str| {
        line(&format!("Order{kind}Event"), seconds, members)
    };
    let mut story = vec![];
    if random.chance(92) {
        // Listed twice, so that most orders are created.
        let created = event("Created", 0, &creation(random, number));
        story.extend([created.clone(), created]);
    }
    if random.chance(25) {
        // Another creation, as from a producer that reuses order numbers. The earlier one counts.
        let seconds = *random.pick(&[0, -1, -61, -3_700, -90_000, 5]);
        story.push(event("Created", seconds, &creation(random, number)));
    }
    for status in ["PAID", "PACKED", "SHIPPED", "PAID"] {
        if random.chance(45) {
            let seconds = *random.pick(&[0, 1, 59, 600, 7_200]);
            let id = if random.chance(30) {
                format!(",\"event_id\":\"o-{number}-{status}\"")
            } else {
                String::new()
            };
            story.push(event(
                "StatusChanged",
                seconds,
                &format!(",\"newStatus\":\"{status}\"{id}"),
            ));
        }
    }
    for _ in 0..random.below(3) {
        let refund = random.pick(&["", "", ",\"refundAmount\":2.5", ",\"refundAmount\":0"]);
        story.push(event("Cancelled", *random.pick(&[0, 30, 3_600]), refund));
    }
    if story.is_empty() || random.chance(5) {
        // An invalid line without a status.
        story.push(event("StatusChanged", 0, ""));
    }
    // With numbers of their own, so that the other events of a seed stay what they were.
    let mut extra = Random::of(&[made.unsigned_abs(), number as u64, 6]);
    if extra.chance(30) {
        // An order of purchases alone.
        story.clear();
    }
    let mut of_refunds = Random::of(&[made.unsigned_abs(), number as u64, 7]);
    let purchases = if story.is_empty() { 1 + extra.below(3) } else { extra.below(4) };
    for _ in 0..purchases {
        let members = purchase(&mut extra);
        // Most are reported at several times.
        for _ in 0..=extra.below(2) {
            let seconds = *extra.pick(&[0, 0, 1, 180, -61, -3_700, 7_200, -90_000]);
            story.push(line("purchase", seconds, &members));
        }
    }
    let random = &mut of_refunds;
    let refunds = random.below(4);
    if refunds > 0 && random.chance(6) {
        // An order that nobody sees placed.
        story.clear();
    }
    for _ in 0..refunds {
        let members = refund(random, number);
        for _ in 0..=random.below(2) {
            let seconds = *random.pick(&[0, 1, 60, 180, 600, 3_600, 7_200, -61, -3_700, -90_000]);
            story.push(line("refund", seconds, &members));
        }
    }
    if random.chance(5) {
        // Of so many minutes that no transaction has room for all of it.
        let first = *random.pick(&[-4_000, -400, 0]);
        let elements: Vec<String> = (0..36 + random.below(16))
            .map(|place| {
                let seconds = first + 60 * i64::try_from(place).expect("it is below 52");
                let time = text_of(made + seconds);
                let item = random.pick(&["", ",\"item_id\":\"o1\"", ",\"item_id\":1"]);
                format!(
                    "{{\"ts\":\"{time}\",\"event_id\":\"r-{number}-{place}\",\"price\":0.25{item}}}"
                )
            })
            .collect();
        story.push(line("refund", 0, &format!(",\"events\":[{}]", elements.join(","))));
    }
    story
}

/// What a refund says beside its time and its order. Some have an id, and some of them the same.
fn refund(random: &mut Random, number: usize) -> String {
    let id = match random.below(10) {
        0..5 => String::new(),
        5..8 => format!(",\"event_id\":\"r-{number}-{}\"", random.below(2)),
        _ => format!(",\"event_id\":\"r-{:x}\"", random.any()),
    };
    let currency = random.pick(&["", "", "", "", ",\"currency\":\"USD\"", ",\"currency\":\"EUR\""]);
    let refunded = random.pick(&[
        // Everything.
        "",
        "",
        "\"item_id\":\"o1\"",
        "\"item_id\":\"o2\",\"quantity\":2",
        "\"item_id\":1,\"price\":10",
        "\"item_id\":\"o1\",\"price\":5.5",
        "\"item_id\":\"o1\",\"price\":40,\"quantity\":2",
        "\"total\":3.5",
        "\"total\":500",
        "\"items\":[{\"item_id\":1,\"price\":4},{\"item_id\":\"o1\"},{\"item_id\":\"o1\"}]",
        "\"items\":[{\"item_id\":\"hat\"},{\"item_id\":\"o1\",\"price\":0.000001}]",
        "\"items\":[{\"item_id\":1,\"price\":1},{\"item_id\":1,\"price\":1}]",
    ]);
    let comma = if refunded.is_empty() { "" } else { "," };
    format!("{id}{currency}{comma}{refunded}")
}

/// What a purchase says beside its time and its order. Some items are those of purchases without an
/// order.
fn purchase(random: &mut Random) -> String {
    let customer = random.pick(&["", ",\"userId\":1", ",\"customer_id\":\"ann\""]);
    let currency = random.pick(&["", "", "", "", ",\"currency\":\"USD\"", ",\"currency\":\"EUR\""]);
    let bought = random.pick(&[
        "\"item_id\":\"o1\",\"price\":5.5,\"quantity\":2",
        "\"item_id\":1,\"price\":30",
        "\"item_id\":\"o2\"",
        "\"items\":[{\"item_id\":1,\"price\":30},{\"item_id\":\"o2\",\"quantity\":3}]",
        // Equal lines, a discount, money without an item, and nothing but a refund.
        "\"items\":[{\"item_id\":\"o1\",\"price\":11},{\"item_id\":\"o1\",\"price\":11}]",
        "\"items\":[{\"item_id\":\"o1\",\"price\":11},{\"item_id\":\"off\",\"price\":-2.5}]",
        "\"items\":[{\"item_id\":\"o2\"},{\"item_id\":\"off\",\"price\":-40}]",
        "\"total\":7.25",
        "\"item_id\":\"o1\",\"price\":-5.5",
    ]);
    format!("{customer}{currency},{bought}")
}

fn creation(random: &mut Random, number: usize) -> String {
    let customer =
        random.pick(&["", ",\"userId\":1", ",\"customer_id\":\"ann\"", ",\"user_id\":7"]);
    let currency = random.pick(&["", "", "", ",\"currency\":\"EUR\""]);
    let status = random.pick(&["", ",\"status\":\"PENDING\""]);
    let order_number = random.pick(&["", ",\"orderNumber\":\"N-1\"", ",\"orderNumber\":\"N-2\""]);
    let mut items = vec![];
    for _ in 0..random.below(3) {
        let product = random.pick(&["cup", "pot", "tea"]);
        let (quantity, price) = (1 + random.below(3), random.below(20));
        items.push(format!(
            "{{\"productName\":\"{product}\",\"quantity\":{quantity},\"unitPrice\":{price}.5}}"
        ));
    }
    let items = match items.len() {
        0 => String::new(),
        _ => format!(",\"items\":[{}]", items.join(",")),
    };
    // Without a total, an order costs the sum of its items.
    let total = if items.is_empty() || random.chance(70) {
        format!(",\"totalAmount\":{number}.{:02}", random.below(100))
    } else {
        String::new()
    };
    format!("{customer}{currency}{status}{order_number}{items}{total}")
}
