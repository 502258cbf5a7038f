//! The events of the made-up shop, as the oracle counts them.

use minutebook_oracle::{Decimal, Settings, recount};
use minutebook_shop::{Shop, Span, lines};

#[test]
fn every_line_counts_and_the_mix_is_as_described() {
    let end = "2026-11-20T23:00:00Z".parse().unwrap();
    let span = Span { events: 20_000, end, minutes: 120 };
    let text: String = lines(Shop::default(), span).map(|line| line + "\n").collect();
    let settings = Settings {
        default_currency: "EUR".to_owned(),
        ..Settings::at("2026-11-20T23:00:00Z".parse().unwrap())
    };
    let recount = recount(text.as_bytes(), &settings).unwrap();
    assert_eq!((recount.lines, recount.counted, recount.events), (20_000, 20_000, 20_000));
    let count = |event_type: &str| {
        let needle = format!("{{\"event_type\":\"{event_type}\"");
        text.lines().filter(|line| line.starts_with(&needle)).count()
    };
    assert!((11_700..12_300).contains(&count("view_item")));
    assert!((1_850..2_150).contains(&count("page_view")));
    assert!((2_800..3_200).contains(&count("add_to_cart")));
    assert!((880..1_120).contains(&count("remove_from_cart")));
    assert!((1_850..2_150).contains(&count("purchase")));
    assert!((150..200).contains(&(text.len() / 20_000)), "{} bytes a line", text.len() / 20_000);
    let minutes: std::collections::BTreeSet<i64> =
        recount.tallies.keys().map(|key| key.minute).collect();
    assert_eq!(minutes.len(), 120);
    let best_seen = recount
        .tallies
        .iter()
        .filter(|(key, _)| key.measure == "views")
        .map(|(_, number)| *number)
        .max();
    assert!(best_seen.unwrap() > Decimal::from(3));
}
