//! Random lines: events in every form that docs/EVENTS.md and docs/VOCABULARY.md name, and members that it does not.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use crate::chunk::LINE_BYTES_MAX;
use crate::forms;
use crate::names;
use crate::purchase::purchase;
use crate::refund::refund;
use crate::value::{
    CUSTOMERS, EVENT_IDS, ITEMS, NAMES, ORDERS, PRODUCTS, SESSIONS, Takes, any, number, value,
};
use crate::write::Style;

/// How much the elements of `events` may inherit, in bytes.
const WRITTEN_OUT_BYTES_MAX: usize = 1024 * 1024;

/// A field, and how likely an event has it where it is looked for first.
struct Field {
    name: &'static str,
    takes: Takes,
    likely: f64,
}

const fn field(name: &'static str, takes: Takes, likely: f64) -> Field {
    Field { name, takes, likely }
}

/// What an event has.
const OF_EVENTS: &[Field] = &[
    field("event_type", Takes::Type, 0.99),
    field("timestamp", Takes::Time, 0.99),
    field("item_id", Takes::Id(ITEMS), 0.9),
    field("customer_id", Takes::Id(CUSTOMERS), 0.6),
    field("session_id", Takes::Id(SESSIONS), 0.4),
    field("page_url", Takes::Page, 0.3),
    field("page_location", Takes::Page, 0.1),
    field("item_name", Takes::Id(PRODUCTS), 0.1),
    field("order_total", Takes::Amount, 0.2),
    field("site_id", Takes::Site, 0.3),
    field("event_id", Takes::Id(EVENT_IDS), 0.35),
    field("order_id", Takes::Id(ORDERS), 0.25),
    field("price", Takes::Amount, 0.4),
    field("quantity", Takes::Amount, 0.3),
    field("total_amount", Takes::Amount, 0.15),
    field("currency", Takes::Currency, 0.2),
];

/// By what the time of an event is corrected.
const OF_CLOCKS: &[&str] = &["original_timestamp", "sent_at", "received_at"];

/// What an event about an order has.
const OF_ORDERS: &[Field] = &[
    field("event_type", Takes::OrderType, 0.99),
    field("timestamp", Takes::Time, 0.99),
    field("order_id", Takes::Id(ORDERS), 0.97),
    field("customer_id", Takes::Id(CUSTOMERS), 0.5),
    field("session_id", Takes::Id(SESSIONS), 0.1),
    field("site_id", Takes::Site, 0.1),
    field("event_id", Takes::Id(EVENT_IDS), 0.1),
    field("page_url", Takes::Page, 0.05),
    field("total_amount", Takes::Amount, 0.7),
    field("order_total", Takes::Amount, 0.3),
    field("currency", Takes::Currency, 0.2),
    field("orderNumber", Takes::Id(ORDERS), 0.4),
    field("status", Takes::Status, 0.4),
    field("newStatus", Takes::Status, 0.9),
    field("refundAmount", Takes::Amount, 0.3),
    field("item_name", Takes::Id(PRODUCTS), 0.02),
];

/// What an element of `items` has.
const OF_ITEMS: &[Field] = &[
    field("item_id", Takes::Id(ITEMS), 0.97),
    field("price", Takes::Amount, 0.5),
    field("quantity", Takes::Amount, 0.4),
    field("total_amount", Takes::Amount, 0.2),
    field("currency", Takes::Currency, 0.1),
    field("item_name", Takes::Id(PRODUCTS), 0.1),
];

/// What an item of an order has.
const OF_PRODUCTS: &[Field] = &[
    field("item_name", Takes::Id(PRODUCTS), 0.98),
    field("price", Takes::Amount, 0.8),
    field("quantity", Takes::Amount, 0.6),
    field("total_amount", Takes::Amount, 0.2),
    field("currency", Takes::Currency, 0.1),
    field("item_id", Takes::Id(ITEMS), 0.1),
];

/// The columns of CSV that has events: their names, and what they take.
pub(crate) fn columns(random: &mut StdRng) -> Vec<(String, Takes)> {
    let fields = if random.random_bool(0.2) { OF_ORDERS } else { OF_EVENTS };
    let mut columns = Vec::new();
    for field in fields {
        if random.random_bool(field.likely.max(0.3)) {
            columns.push((names::field(field.name, false, random), field.takes));
        }
    }
    if random.random_bool(0.5) {
        columns.push((NAMES.choose(random).unwrap().to_string(), Takes::Id(PRODUCTS)));
    }
    if random.random_bool(0.1) {
        columns.push((names::field("items", false, random), Takes::Items));
    }
    columns.shuffle(random);
    columns
}

/// The items of an event.
pub(crate) fn items(style: Style, random: &mut StdRng) -> String {
    let writer = Writer { style, ..Writer::random(random) };
    writer.items(random).1
}

/// A line without its line end.
pub(crate) fn line(random: &mut StdRng) -> String {
    match random.random_range(0..1_000) {
        0..120 => forms::form(random),
        120..180 => forms::envelope(random),
        180..200 => {
            let held = line(random);
            Style::random(random).text(random, &held)
        }
        _ => plain_line(random),
    }
}

/// A line that is read by its names.
fn plain_line(random: &mut StdRng) -> String {
    let writer = Writer::random(random);
    let style = writer.style;
    match random.random_range(0..1_000) {
        0..10 => any(style, random, 3),
        10..18 => deep(&writer.event(random), random),
        18..22 => writer.many_items(random),
        22 if random.random_bool(0.3) => writer.inherits_much(random),
        22..200 => writer.events(random),
        200..350 => purchase(style, random),
        350..430 => refund(style, random),
        _ => writer.object(random),
    }
}

type Members = Vec<(String, String)>;

/// Writes one line.
#[derive(Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) style: Style,
    is_about_orders: bool,
}

impl Writer {
    pub(crate) fn random(random: &mut StdRng) -> Self {
        Self { style: Style::random(random), is_about_orders: random.random_bool(0.2) }
    }

    /// An event that is a whole line.
    pub(crate) fn object(&self, random: &mut StdRng) -> String {
        let event = self.event(random);
        self.style.object(random, &event)
    }

    /// An element of `items`.
    pub(crate) fn item(&self, random: &mut StdRng) -> String {
        let fields = if self.is_about_orders { OF_PRODUCTS } else { OF_ITEMS };
        let members = self.spread_in(fields, 1.0, true, random);
        let members = self.finish(members, random);
        self.style.object(random, &members)
    }

    /// An object or an array, or at times the text of one.
    fn perhaps_text(&self, json: String, random: &mut StdRng) -> String {
        if random.random_bool(0.04) { self.style.text(random, &json) } else { json }
    }

    fn fields(&self) -> &'static [Field] {
        if self.is_about_orders { OF_ORDERS } else { OF_EVENTS }
    }

    /// The members of an event that is a whole line.
    fn event(&self, random: &mut StdRng) -> Members {
        let mut members = self.spread(self.fields(), 1.0, random);
        if random.random_bool(if self.is_about_orders { 0.4 } else { 0.15 }) {
            members.push(self.items(random));
        }
        if random.random_bool(0.03) {
            let product = self.item(random);
            let product = self.perhaps_text(product, random);
            members.push((names::field("product", false, random), product));
        }
        self.finish(members, random)
    }

    /// A line with `events`.
    fn events(&self, random: &mut StdRng) -> String {
        let own = random.random_range(0.0..0.9);
        let mut members = self.spread(self.fields(), own, random);
        let mut elements = Vec::new();
        for _ in 0..random.random_range(0..4) {
            elements.push(self.element(own, random));
        }
        let events = self.style.array(random, &elements);
        let events = self.perhaps_text(events, random);
        members.push((names::field("events", false, random), events));
        if random.random_bool(0.05) {
            members.push(self.items(random));
        }
        let members = self.finish(members, random);
        self.style.object(random, &members)
    }

    /// A line whose `events` inherit about as much as they may.
    fn inherits_much(&self, random: &mut StdRng) -> String {
        let elements = vec!["{}".to_owned(); random.random_range(20..5_000)];
        let array = self.style.array(random, &elements);
        let mut members = self.spread(self.fields(), 1.0, random);
        let written = self.perhaps_text(array.clone(), random);
        members.push((names::field("events", false, random), written));
        let members = self.finish(members, random);
        let line = self.style.object(random, &members);
        let most = WRITTEN_OUT_BYTES_MAX / elements.len();
        let padding = (most + array.len() + random.random_range(0..3)).saturating_sub(line.len());
        // Spaces before a member count, too.
        line.replacen(',', &format!(",{}", " ".repeat(padding.min(LINE_BYTES_MAX))), 1)
    }

    /// An element of `events`, which mostly has what the line lacks.
    fn element(&self, of_line: f64, random: &mut StdRng) -> String {
        match random.random_range(0..100) {
            0 => return any(self.style, random, 2),
            // Events about orders and others may stand in one line.
            1..10 => {
                let other = Writer { style: self.style, is_about_orders: !self.is_about_orders };
                let event = other.event(random);
                return self.style.object(random, &event);
            }
            _ => {}
        }
        let mut members = self.spread(self.fields(), 1.0 - of_line * 0.25, random);
        if random.random_bool(0.1) {
            members.push(self.items(random));
        }
        if random.random_bool(0.1) {
            members.push((names::respell("name", random), value(Takes::Type, self.style, random)));
        }
        let members = self.finish(members, random);
        self.style.object(random, &members)
    }

    /// The member `items`.
    fn items(&self, random: &mut StdRng) -> (String, String) {
        let name = names::field("items", false, random);
        if random.random_bool(0.03) {
            return (name, any(self.style, random, 2));
        }
        let mut elements = Vec::new();
        for _ in 0..random.random_range(0..4) {
            if random.random_bool(0.01) {
                elements.push(any(self.style, random, 2));
                continue;
            }
            elements.push(self.item(random));
        }
        let items = self.style.array(random, &elements);
        (name, self.perhaps_text(items, random))
    }

    /// Fields of an event in an object itself, and in what belongs to it.
    fn spread(&self, fields: &[Field], likely: f64, random: &mut StdRng) -> Members {
        self.spread_in(fields, likely, false, random)
    }

    /// Fields of an event or of an item.
    fn spread_in(
        &self,
        fields: &[Field],
        likely: f64,
        is_item: bool,
        random: &mut StdRng,
    ) -> Members {
        let (properties, parameters) = (random.random_bool(0.12), random.random_bool(0.07));
        let [mut own, mut of_properties, mut of_parameters] = [const { Members::new() }; 3];
        for field in fields {
            if !random.random_bool(field.likely * likely) {
                continue;
            }
            // Mostly one name, or those of a clock that may be off.
            let is_corrected = field.name == "timestamp" && random.random_bool(0.07);
            let own_name = [field.name];
            for name in if is_corrected { OF_CLOCKS } else { &own_name } {
                if is_corrected && random.random_bool(0.1) {
                    continue;
                }
                let place = match random.random_range(0..4) {
                    0 if properties => &mut of_properties,
                    1 if parameters => &mut of_parameters,
                    _ => &mut own,
                };
                if is_corrected {
                    let value = value(field.takes, self.style, random);
                    place.push((names::respell(name, random), value));
                } else {
                    self.push(field, place, is_item, random);
                }
            }
        }
        if properties {
            if random.random_bool(0.1) {
                of_properties.push(self.items(random));
            }
            for _ in 0..random.random_range(1..3) {
                let of_properties = self.finish(of_properties.clone(), random);
                let object = if random.random_bool(0.03) {
                    any(self.style, random, 2)
                } else {
                    self.style.object(random, &of_properties)
                };
                let object = self.perhaps_text(object, random);
                own.push((names::field("properties", is_item, random), object));
            }
        }
        if parameters {
            let name = names::field("event_params", is_item, random);
            let parameters = self.parameters(&of_parameters, random);
            own.push((name, self.perhaps_text(parameters, random)));
        }
        own
    }

    /// A field under one of its names, or under several.
    fn push(&self, field: &Field, members: &mut Members, is_item: bool, random: &mut StdRng) {
        let value = value(field.takes, self.style, random);
        members.push((names::field(field.name, is_item, random), value));
        if random.random_bool(0.03) {
            self.push(field, members, is_item, random);
        }
    }

    /// What BigQuery makes of these members.
    fn parameters(&self, members: &Members, random: &mut StdRng) -> String {
        let mut elements = Vec::new();
        for (name, value) in members {
            let spelling = match random.random_range(0..6) {
                0 => "int_value",
                1 => "float_value",
                2 => "double_value",
                _ => "string_value",
            };
            let mut values = vec![(spelling.to_owned(), value.clone())];
            if random.random_bool(0.1) {
                values.push(("string_value".to_owned(), any(self.style, random, 1)));
            }
            if random.random_bool(0.1) {
                values.push(("int_value".to_owned(), number(random)));
            }
            values.shuffle(random);
            let key = self.style.text(random, name);
            let values = self.style.object(random, &values);
            let mut element = vec![("key".to_owned(), key), ("value".to_owned(), values)];
            if random.random_bool(0.05) {
                let name = ["key", "value", "other"].choose(random).unwrap();
                element.push(((*name).to_owned(), any(self.style, random, 2)));
            }
            element.shuffle(random);
            elements.push(self.style.object(random, &element));
        }
        if random.random_bool(0.1) {
            elements.push(any(self.style, random, 2));
        }
        if random.random_bool(0.02) {
            return any(self.style, random, 2);
        }
        self.style.array(random, &elements)
    }

    /// Adds members that mean nothing, repeats some, and mixes them.
    fn finish(&self, mut members: Members, random: &mut StdRng) -> Members {
        while random.random_bool(0.1) {
            let name = names::respell(NAMES.choose(random).unwrap(), random);
            members.push((name, any(self.style, random, 2)));
        }
        if random.random_bool(0.03)
            && let Some((name, _)) = members.choose(random).cloned()
        {
            let other = members.choose(random).map(|(_, value)| value.clone());
            members.push((name, other.unwrap()));
        }
        if random.random_bool(0.5) {
            members.shuffle(random);
        }
        members
    }

    /// An event with about as many items as an order may have.
    fn many_items(&self, random: &mut StdRng) -> String {
        let mut members = self.spread(self.fields(), 1.0, random);
        let item = if self.is_about_orders {
            r#"{"productName":"Mug","price":0.1}"#
        } else {
            r#"{"item_id":1,"price":0.1}"#
        };
        let items = vec![item.to_owned(); random.random_range(499..503)];
        members.push(("items".to_owned(), self.style.array(random, &items)));
        self.style.object(random, &members)
    }
}

/// An event with a member that is nested about as deep as a line may be.
fn deep(event: &[(String, String)], random: &mut StdRng) -> String {
    let levels = random.random_range(60..67);
    let (mut open, mut close) = (String::new(), String::new());
    for _ in 0..levels {
        let (opening, closing) =
            if random.random_bool(0.5) { ("[", "]") } else { ("{\"a\":", "}") };
        open += opening;
        close = format!("{closing}{close}");
    }
    let odd_end = ["0", "\"\"", "\"\\ud800\"", "}", "", "\"[[[\""].choose(random).unwrap();
    let nested = format!("{open}{odd_end}{close}");
    let style = Style::random(random);
    let mut members = event.to_vec();
    let name = ["properties", "items", "events", "a", "price"].choose(random).unwrap();
    let place = random.random_range(0..=members.len());
    members.insert(place, ((*name).to_owned(), nested));
    style.object(random, &members)
}
