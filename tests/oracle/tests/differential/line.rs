//! Random lines: events in every form that docs/EVENTS.md names, and members that it does not.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use crate::chunk::LINE_BYTES_MAX;
use crate::value::{
    CUSTOMERS, EVENT_IDS, ITEMS, NAMES, ORDERS, PRODUCTS, SESSIONS, Takes, any, number, value,
};
use crate::write::Style;

/// How much the elements of `events` may inherit, in bytes.
const WRITTEN_OUT_BYTES_MAX: usize = 1024 * 1024;

/// A field, and how likely an event has it where it is looked for first.
struct Field {
    spellings: &'static [&'static str],
    takes: Takes,
    likely: f64,
}

const fn field(spellings: &'static [&'static str], takes: Takes, likely: f64) -> Field {
    Field { spellings, takes, likely }
}

const EVENT_TYPE: &[&str] = &["event_type", "event", "type", "event_name", "eventType"];
const TIMESTAMP: &[&str] =
    &["timestamp", "event_time", "ts", "time", "event_timestamp", "timestamp_micros"];
const ITEM_ID: &[&str] = &["item_id", "product_id", "itemid", "aid", "sku"];
const CUSTOMER_ID: &[&str] = &[
    "customer_id",
    "user_id",
    "visitorid",
    "userId",
    "anonymousId",
    "user_pseudo_id",
    "client_id",
];
const SESSION_ID: &[&str] = &["session_id", "user_session", "session"];
const PAGE_URL: &[&str] = &["page_url", "path", "url", "page", "page_location"];
const SITE_ID: &[&str] = &["site_id", "app_id", "tenant_id"];
const EVENT_ID: &[&str] = &["event_id", "messageId", "insert_id"];
const ORDER_ID: &[&str] = &["order_id", "transaction_id", "transactionid", "orderId"];
const PRICE: &[&str] = &["price", "unitPrice"];
const TOTAL_AMOUNT: &[&str] = &["total_amount", "totalAmount", "totalPrice"];

/// What an event has.
const OF_EVENTS: &[Field] = &[
    field(EVENT_TYPE, Takes::Type, 0.99),
    field(TIMESTAMP, Takes::Time, 0.99),
    field(ITEM_ID, Takes::Id(ITEMS), 0.9),
    field(CUSTOMER_ID, Takes::Id(CUSTOMERS), 0.6),
    field(SESSION_ID, Takes::Id(SESSIONS), 0.4),
    field(PAGE_URL, Takes::Page, 0.3),
    field(SITE_ID, Takes::Site, 0.3),
    field(EVENT_ID, Takes::Id(EVENT_IDS), 0.35),
    field(ORDER_ID, Takes::Id(ORDERS), 0.1),
    field(PRICE, Takes::Amount, 0.4),
    field(&["quantity"], Takes::Amount, 0.3),
    field(TOTAL_AMOUNT, Takes::Amount, 0.15),
    field(&["currency"], Takes::Currency, 0.2),
];

/// What an event about an order has.
const OF_ORDERS: &[Field] = &[
    field(EVENT_TYPE, Takes::OrderType, 0.99),
    field(TIMESTAMP, Takes::Time, 0.99),
    field(ORDER_ID, Takes::Id(ORDERS), 0.97),
    field(CUSTOMER_ID, Takes::Id(CUSTOMERS), 0.5),
    field(SESSION_ID, Takes::Id(SESSIONS), 0.1),
    field(SITE_ID, Takes::Site, 0.1),
    field(EVENT_ID, Takes::Id(EVENT_IDS), 0.1),
    field(PAGE_URL, Takes::Page, 0.05),
    field(TOTAL_AMOUNT, Takes::Amount, 0.8),
    field(&["currency"], Takes::Currency, 0.2),
    field(&["orderNumber"], Takes::Id(ORDERS), 0.4),
    field(&["status"], Takes::Status, 0.4),
    field(&["newStatus"], Takes::Status, 0.9),
    field(&["refundAmount"], Takes::Amount, 0.3),
    field(&["productName"], Takes::Id(PRODUCTS), 0.02),
];

/// What an element of `items` has.
const OF_ITEMS: &[Field] = &[
    field(ITEM_ID, Takes::Id(ITEMS), 0.97),
    field(PRICE, Takes::Amount, 0.5),
    field(&["quantity"], Takes::Amount, 0.4),
    field(TOTAL_AMOUNT, Takes::Amount, 0.2),
    field(&["currency"], Takes::Currency, 0.1),
    field(&["productName"], Takes::Id(PRODUCTS), 0.1),
];

/// What an item of an order has.
const OF_PRODUCTS: &[Field] = &[
    field(&["productName"], Takes::Id(PRODUCTS), 0.98),
    field(PRICE, Takes::Amount, 0.8),
    field(&["quantity"], Takes::Amount, 0.6),
    field(TOTAL_AMOUNT, Takes::Amount, 0.2),
    field(&["currency"], Takes::Currency, 0.1),
    field(ITEM_ID, Takes::Id(ITEMS), 0.1),
];

/// A line without its line end.
pub(crate) fn line(random: &mut StdRng) -> String {
    let style = Style::random(random);
    let writer = Writer { style, is_about_orders: random.random_bool(0.2) };
    match random.random_range(0..1_000) {
        0..10 => any(style, random, 3),
        10..18 => deep(&writer.event(random), random),
        18..22 => writer.many_items(random),
        22 if random.random_bool(0.3) => writer.inherits_much(random),
        22..200 => writer.events(random),
        _ => {
            let event = writer.event(random);
            style.object(random, &event)
        }
    }
}

type Members = Vec<(String, String)>;

/// Writes one line.
struct Writer {
    style: Style,
    is_about_orders: bool,
}

impl Writer {
    fn fields(&self) -> &'static [Field] {
        if self.is_about_orders { OF_ORDERS } else { OF_EVENTS }
    }

    /// The members of an event that is a whole line.
    fn event(&self, random: &mut StdRng) -> Members {
        let mut members = self.spread(self.fields(), 1.0, random);
        if random.random_bool(if self.is_about_orders { 0.4 } else { 0.15 }) {
            members.push(self.items(random));
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
        members.push(("events".to_owned(), self.style.array(random, &elements)));
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
        members.push(("events".to_owned(), array.clone()));
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
            members.push(("name".to_owned(), value(Takes::Type, self.style, random)));
        }
        let members = self.finish(members, random);
        self.style.object(random, &members)
    }

    /// The member `items`.
    fn items(&self, random: &mut StdRng) -> (String, String) {
        let name = if random.random_bool(0.8) { "items" } else { "products" };
        if random.random_bool(0.03) {
            return (name.to_owned(), any(self.style, random, 2));
        }
        let fields = if self.is_about_orders { OF_PRODUCTS } else { OF_ITEMS };
        let mut elements = Vec::new();
        for _ in 0..random.random_range(0..4) {
            if random.random_bool(0.01) {
                elements.push(any(self.style, random, 2));
                continue;
            }
            let members = self.spread(fields, 1.0, random);
            let members = self.finish(members, random);
            elements.push(self.style.object(random, &members));
        }
        (name.to_owned(), self.style.array(random, &elements))
    }

    /// Fields in an object itself, and in what belongs to it.
    fn spread(&self, fields: &[Field], likely: f64, random: &mut StdRng) -> Members {
        let (properties, parameters) = (random.random_bool(0.12), random.random_bool(0.07));
        let [mut own, mut of_properties, mut of_parameters] = [const { Members::new() }; 3];
        for field in fields {
            if !random.random_bool(field.likely * likely) {
                continue;
            }
            let place = match random.random_range(0..4) {
                0 if properties => &mut of_properties,
                1 if parameters => &mut of_parameters,
                _ => &mut own,
            };
            self.push(field, place, random);
        }
        if properties {
            if random.random_bool(0.1) {
                of_properties.push(self.items(random));
            }
            let names: &[&str] = match random.random_range(0..10) {
                0..6 => &["properties"],
                6..9 => &["params"],
                _ => &["properties", "params"],
            };
            for name in names {
                let of_properties = self.finish(of_properties.clone(), random);
                let object = if random.random_bool(0.03) {
                    any(self.style, random, 2)
                } else {
                    self.style.object(random, &of_properties)
                };
                own.push(((*name).to_owned(), object));
            }
        }
        if parameters {
            own.push(("event_params".to_owned(), self.parameters(&of_parameters, random)));
        }
        own
    }

    /// A field in one of its spellings, or in several.
    fn push(&self, field: &Field, members: &mut Members, random: &mut StdRng) {
        let value = value(field.takes, self.style, random);
        let name = if random.random_bool(0.5) {
            field.spellings[0]
        } else {
            field.spellings.choose(random).unwrap()
        };
        members.push((name.to_owned(), value));
        if random.random_bool(0.03) {
            self.push(field, members, random);
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
            let name = (*NAMES.choose(random).unwrap()).to_owned();
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
