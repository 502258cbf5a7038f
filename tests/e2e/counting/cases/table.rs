//! What each case must come to, written by hand.

/// A file of `events/cases`, and what it must come to however it is sent.
pub(super) struct Case {
    pub(super) file: &'static str,
    /// Lines counted, ignored and duplicate.
    pub(super) lines: [i64; 3],
    /// The reason of rejected lines, and how many there are.
    pub(super) rejected: Option<(&'static str, i64)>,
    /// Fields that events did without.
    pub(super) dropped: &'static [(&'static str, i64)],
    /// What it adds to numbers: `measure key=number`, of the site that is named after the file. Of
    /// another site it is `@site measure key=number`, and a key may have its minute behind it.
    pub(super) numbers: &'static [&'static str],
    /// The visitors of its site, where the case is about them.
    pub(super) visitors: Option<u64>,
}

const fn case(file: &'static str, lines: [i64; 3], numbers: &'static [&'static str]) -> Case {
    Case { file, lines, rejected: None, dropped: &[], numbers, visitors: None }
}

impl Case {
    const fn rejected(self, reason: &'static str, lines: i64) -> Case {
        Case { rejected: Some((reason, lines)), ..self }
    }

    const fn dropped(self, dropped: &'static [(&'static str, i64)]) -> Case {
        Case { dropped, ..self }
    }

    const fn visitors(self, visitors: u64) -> Case {
        Case { visitors: Some(visitors), ..self }
    }

    /// Whether it can be posted: a packed file needs a header.
    pub(super) fn can_be_posted(&self) -> bool {
        !self.file.ends_with(".gz")
    }

    /// Whether it can be the value of a record, which has no header and is never packed.
    pub(super) fn can_be_a_value(&self) -> bool {
        self.can_be_posted() && !self.file.ends_with(".csv")
    }

    /// Whether its numbers are told by the minute.
    pub(super) fn is_by_minute(&self) -> bool {
        self.file == "times.jsonl"
    }

    /// The site of its events.
    pub(super) fn site(&self) -> String {
        let stem = self.file.split('.').next().unwrap_or_default();
        stem.replace('_', "-")
    }
}

const SIX_EVENTS: &[&str] = &["views 7=4", "carts 7=1", "units 7=2", "sales:USD 7=40"];
const OF_PERSONALIZE: &[&str] =
    &["@default views b93b7b15=1", "@default carts b93b7b15=1", "@default units b93b7b15=1"];
const OF_SEGMENT: &[&str] = &[
    "@default views P15=1",
    "@default carts P15=1",
    "@default units P15=2",
    "@default sales:USD P15=19",
    "@default orders CREATED=1",
    "@default order_value:USD orders=1",
    "@default order_value:USD gross=19",
    "@default order_value:USD sales=19",
    "@default ordered P15=2",
    "@default ordered_value:USD P15=19",
];

/// The cases. One that is about what was sent before is behind it.
pub(super) const CASES: &[Case] = &[
    // Layouts of the text.
    case("concatenated.json", [6, 0, 0], SIX_EVENTS).visitors(4),
    case("escaped_line_ends.json", [6, 0, 0], SIX_EVENTS),
    case("pretty_array.json", [6, 0, 0], SIX_EVENTS),
    case("pretty_object.json", [1, 0, 0], &["units 7=2", "sales:USD 7=40"]),
    case(
        "joined_with_marks.jsonl",
        [4, 0, 0],
        &[
            "units prod0=1",
            "units prod1=1",
            "units prod2=1",
            "units prod3=1",
            "sales:USD prod0=1",
            "sales:USD prod1=1",
            "sales:USD prod2=1",
            "sales:USD prod3=1",
        ],
    ),
    case("zero_padded.jsonl.gz", [3, 0, 0], &["views 29=3"]),
    case(
        "one_byte_of_latin1.csv",
        [2, 0, 0],
        &["@default views 31=1", "@default units 31=1", "@default sales:USD 31=5"],
    )
    .rejected("not_utf8", 1),
    case(
        "semicolons.csv",
        [2, 0, 0],
        &["@default views 32=1", "@default units 32=1", "@default sales:USD 32=19.9"],
    ),
    case("nan_and_half_emoji.jsonl", [1, 0, 0], &["units 1=1", "sales:USD 1=30"])
        .rejected("not_json", 2),
    case("schema_registry.bin", [1, 0, 0], &["views 42=1"]),
    // Names and types.
    case(
        "camel_case.jsonl",
        [5, 0, 0],
        &[
            "views PROD_001=1",
            "pages /p/1=1",
            "pages =1",
            "carts PROD_001=1",
            "units PROD_001=3",
            "sales:USD PROD_001=1399.99",
            "units PROD_002=1",
            "sales:USD PROD_002=50",
            "orders CREATED=2",
            "order_value:USD orders=2",
            "order_value:USD gross=1449.99",
            "order_value:USD sales=1449.99",
            "ordered PROD_001=3",
            "ordered PROD_002=1",
            "ordered_value:USD PROD_001=1399.99",
            "ordered_value:USD PROD_002=50",
            "views 123=1",
        ],
    )
    .visitors(2),
    case(
        "types_in_any_letters.jsonl",
        [10, 0, 0],
        &["views 7=6", "carts 7=2", "units 7=2", "sales:USD 7=20"],
    ),
    case("personalize.csv", [3, 0, 0], OF_PERSONALIZE),
    case("personalize_lower_case.csv", [3, 0, 0], OF_PERSONALIZE),
    case("fluent_bit.json", [2, 0, 0], &["views 43=1", "carts 43=1"]),
    case(
        "nested_product.jsonl",
        [5, 0, 0],
        &[
            "views 9876=1",
            "@default views 1=1",
            "views 242=1",
            "views prod_1=1",
            "pages https://shop.example/p/1=1",
            "pages =1",
            "carts SKU9=1",
        ],
    ),
    case(
        "data_layer.jsonl",
        [3, 0, 0],
        &[
            "views INK1=1",
            "carts INK1=1",
            "units INK1=2",
            "sales:USD INK1=80",
            "orders CREATED=1",
            "order_value:USD orders=1",
            "order_value:USD gross=80",
            "order_value:USD sales=80",
            "ordered INK1=2",
            "ordered_value:USD INK1=80",
        ],
    ),
    case(
        "items_without_ids.jsonl",
        [3, 0, 0],
        &[
            "units Donation=1",
            "sales:EUR Donation=25",
            "units SKU1=1",
            "sales:EUR SKU1=20",
            "units Gift wrap=1",
            "sales:EUR Gift wrap=50",
            "orders CREATED=2",
            "order_value:EUR orders=2",
            "order_value:EUR gross=95",
            "order_value:EUR sales=95",
            "ordered Donation=1",
            "ordered SKU1=1",
            "ordered Gift wrap=1",
            "ordered_value:EUR Donation=25",
            "ordered_value:EUR SKU1=20",
            "ordered_value:EUR Gift wrap=50",
            "carts E-book=1",
        ],
    ),
    case(
        "own_events_among_google.jsonl",
        [4, 3, 0],
        &[
            "pages https://shop.example/thanks=1",
            "views P8=1",
            "units P8=2",
            "sales:USD P8=109",
            "orders CREATED=2",
            "order_value:USD orders=2",
            "order_value:USD gross=109",
            "order_value:USD sales=109",
            "ordered P8=2",
            "ordered_value:USD P8=109",
        ],
    ),
    case("segment_batch.json", [3, 0, 0], OF_SEGMENT),
    // The same order again.
    case("rudderstack.jsonl", [3, 0, 0], &["@default views P15=1", "@default carts P15=1"]),
    case(
        "mixpanel_export.jsonl",
        [2, 0, 1],
        &[
            "views P19=1",
            "pages https://shop.example/p=1",
            "pages =1",
            "units P19=1",
            "sales:USD P19=5",
        ],
    )
    .visitors(1),
    // Values.
    case(
        "binary_floats.jsonl",
        [6, 0, 0],
        &[
            "units a=1",
            "units b=1",
            "units c=2",
            "units d=1",
            "units e=3",
            "sales:EUR a=837",
            "sales:EUR b=39.99",
            "sales:EUR c=59.9",
            "sales:EUR d=16.806723",
            "sales:EUR e=59.97",
            "views f=1",
        ],
    ),
    case("float_ids.csv", [2, 0, 0], &["views 1001=1", "units 1001=1", "sales:USD 1001=5"])
        .visitors(1),
    case("float_ids.jsonl", [3, 0, 0], &["views 1001=3"]).visitors(1),
    case(
        "encoded_pages.jsonl",
        [4, 0, 0],
        &[
            "views 46488=1",
            "pages =1",
            "pages https://shop.example/products/detail/46488/ظرف-غذای-وکیوم-استیل-ضد-زنگ-با-درب-شیشه\u{200c}ای-و-شیر-خلاء=1",
            "pages /products/detail/46488/ظرف-غذای-وکیوم-استیل-ضد-زنگ-با-درب-شیشه\u{200c}ای-و-شیر-خلاء=1",
            "carts 46488=1",
            "units 46488=1",
            "sales:USD 46488=10",
        ],
    ),
    case(
        "unusable_values.jsonl",
        [5, 0, 0],
        &["views 1=1", "carts 1=2", "units 1=2", "sales:USD 1=10"],
    )
    .dropped(&[("currency", 2), ("page_url", 2), ("session_id", 1)]),
    case(
        "times.jsonl",
        [14, 0, 0],
        &[
            "views 0 10:00=1",
            "views 1 10:00=1",
            "views 2 10:00=1",
            "views 3 10:00=1",
            "views 4 10:00=1",
            "views 5 10:00=1",
            "views 6 00:00=1",
            "views 7 10:00=1",
            "views 8 10:00=1",
            "views 9 13:00=1",
            "views 10 10:00=1",
            "views 11 10:00=1",
            "views 12 10:00=1",
            "views 13 10:00=1",
        ],
    ),
    // Money.
    case(
        "money_by_other_names.jsonl",
        [12, 0, 0],
        &[
            "units prod0=1",
            "units prod1=1",
            "units prod2=1",
            "units prod3=3",
            "units prod4=1",
            "units prod5=1",
            "units prod6=2",
            "units prod7=1",
            "units prod8=1",
            "units prod9=1",
            "units prod10=2",
            "units prod11=2",
            "sales:USD prod0=89.99",
            "sales:USD prod1=89.99",
            "sales:USD prod2=89.99",
            "sales:USD prod3=90",
            "sales:USD prod4=89.99",
            "sales:USD prod5=89.99",
            "sales:USD prod6=59.98",
            "sales:USD prod7=89.99",
            "sales:USD prod8=89.99",
            "sales:USD prod9=89.99",
            "sales:USD prod10=100",
            "sales:USD prod11=100",
        ],
    ),
    case(
        "value_without_prices.jsonl",
        [3, 0, 0],
        &[
            "units VA=1",
            "units VB=1",
            "sales:USD VA=80",
            "sales:USD VB=60",
            "sales:USD (other)=60",
            "orders CREATED=3",
            "order_value:USD orders=3",
            "order_value:USD gross=200",
            "order_value:USD sales=200",
            "ordered VA=1",
            "ordered VB=1",
            "ordered_value:USD VA=80",
            "ordered_value:USD VB=60",
        ],
    ),
    case(
        "discounts_and_returns.jsonl",
        [4, 0, 0],
        &[
            "units SHOE=1",
            "sales:EUR SHOE=80",
            "sales:EUR (other)=-10",
            "orders CREATED=1",
            "order_value:EUR orders=1",
            "order_value:EUR gross=70",
            "order_value:EUR sales=70",
            "ordered SHOE=1",
            "ordered_value:EUR SHOE=80",
            "refunds:EUR SHIRT=60",
        ],
    ),
    // All of an order given back, told three times and once of them with an id.
    case(
        "google_full_refund.jsonl",
        [4, 0, 0],
        &[
            "units X=2",
            "sales:EUR X=30",
            "orders CREATED=1",
            "order_value:EUR orders=1",
            "order_value:EUR gross=30",
            "order_value:EUR sales=30",
            "order_value:EUR refunded=30",
            "order_value:EUR over_refunded=30",
            "order_value:EUR refunds=30",
            "order_value:EUR sales_refunds=30",
            "ordered X=2",
            "ordered_value:EUR X=30",
            "refunds:EUR X=30",
        ],
    ),
    // One order, of which the page was loaded again three minutes later.
    case(
        "purchase_twice.jsonl",
        [2, 0, 0],
        &[
            "units P9=1",
            "sales:USD P9=39.95",
            "orders CREATED=1",
            "order_value:USD orders=1",
            "order_value:USD gross=39.95",
            "order_value:USD sales=39.95",
            "ordered P9=1",
            "ordered_value:USD P9=39.95",
        ],
    )
    .visitors(1),
    // Forms and envelopes.
    case(
        "snowplow_enriched.jsonl",
        [2, 1, 0],
        &["pages https://shop.example/p/1=1", "carts P17=1"],
    ),
    case(
        "order_webhooks.jsonl",
        [2, 0, 0],
        &[
            "@default orders paid=1",
            "@default order_value:USD orders=1",
            "@default order_value:USD gross=60",
            "@default ordered 8061536829755=2",
            "@default ordered_value:USD 8061536829755=60",
            "@default orders processing=1",
            "@default order_value:EUR orders=1",
            "@default order_value:EUR gross=29.35",
            "@default ordered 93=2",
            "@default ordered_value:EUR 93=24",
        ],
    ),
    // The first order again.
    case("order_by_eventbridge.json", [1, 0, 0], &[]),
    case("envelopes.json", [4, 0, 0], &["views 42=3", "units 42=1", "sales:USD 42=5"]),
    case(
        "properties_as_texts.jsonl",
        [3, 0, 0],
        &[
            "views TP=1",
            "units TP=2",
            "sales:USD TP=10",
            "orders CREATED=1",
            "order_value:USD orders=1",
            "order_value:USD gross=5",
            "order_value:USD sales=5",
            "ordered TP=1",
            "ordered_value:USD TP=5",
        ],
    ),
    case("items_as_texts.csv", [1, 0, 0], &["units TP=1", "sales:USD TP=5"]),
];
