//! `GET /movers`: the items that rise and fall most against an earlier time.

pub(crate) mod answer;
pub(crate) mod describe;
pub(crate) mod query;

use chrono::{DateTime, Utc};
use lambda_http::{Body, Request, Response};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::query::movers::movers;
use minutebook_domain::query::ranking::Sums;
use minutebook_domain::query::window::{Window, parts};
use minutebook_domain::time::QuarterHours;
use minutebook_storage::catalogue::CatalogueSource;
use minutebook_storage::error::StorageError;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::site::settings::SettingsSource;

use crate::backend::{Backend, SiteDefaults};
use crate::http::answer::{refused, unreadable};
use crate::http::response::json;
use crate::movers::answer::Answer;
use crate::movers::query::{GivenMovers, Measured, MoversQuery};
use crate::overview::series::{Rows, Series};

/// How much the change of the site counts beside the numbers of an item: as so many events or
/// pieces.
const WEIGHT: u32 = 20;

/// Answers one request. Errors are answers, too: 400 names the parameter, and 503 means that a
/// retry helps.
pub async fn handle<R: RowSource + SettingsSource + CatalogueSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Response<Body> {
    answer(request, backend).await.unwrap_or_else(|refused| refused)
}

async fn answer<R: RowSource + SettingsSource + CatalogueSource, Q: Sync>(
    request: &Request,
    backend: &Backend<R, Q>,
) -> Result<Response<Body>, Response<Body>> {
    let (asked_at, retention) = (backend.clock.now(), backend.retention);
    let given = GivenMovers::read(request.uri().query().unwrap_or_default()).map_err(refused)?;
    let of_site = backend.defaults_of(&given.range.site_id, asked_at).await;
    let SiteDefaults { currency, time_zone: zone, quarter_hours } =
        &of_site.map_err(|error| unreadable(&error))?;
    let rows = Rows { quarter_hours, retention, now: asked_at };
    let question = given.resolve((*currency, *zone), rows).map_err(refused)?;
    let Both { now, before, weight } = read(backend, &question, quarter_hours, asked_at)
        .await
        .map_err(|error| unreadable(&error))?;
    let movers = movers(&now, &before, weight, question.limit);
    let other = (now.of_other(), before.of_other());
    let items = movers.rising.iter().chain(&movers.falling).map(|mover| mover.key);
    let site = question.range.site_id.as_str();
    let catalogue = backend.catalogue_of(site, items, asked_at).await;
    let catalogue = catalogue.map_err(|error| unreadable(&error))?;
    Ok(json(&Answer::new(&question, (&movers, &catalogue), weight, other)))
}

/// The sums of both ranges.
struct Both {
    now: Sums,
    before: Sums,
    /// The weight of the site's change, in the unit of the measure.
    weight: Amount,
}

/// Reads the sums of both ranges. They may overlap, so both are cut into parts, of which each is read
/// once.
async fn read<R: RowSource, Q: Sync>(
    backend: &Backend<R, Q>,
    question: &MoversQuery,
    quarter_hours: &QuarterHours,
    now: DateTime<Utc>,
) -> Result<Both, StorageError> {
    let range = &question.range;
    let window = range.series.window();
    let compared = range.compared.as_ref().map(|(_, series)| Series::window(series));
    let compared = compared.unwrap_or(Window { from: window.from, to: window.from });
    let parts = parts(&[&[window], &[compared]]);
    let measure = question.measured.measure(range.currency);
    // What a piece costs on average makes its number one of money.
    let all = [measure, Measure::Units];
    let measures = if question.measured == Measured::Sales { &all[..] } else { &all[..1] };
    let sum_question = SumQuestion {
        site: range.site_id.as_str(),
        measures,
        key: None,
        windows: &parts,
        now,
        retention: backend.retention,
        quarter_hours,
    };
    let mut sums = sum_windows(&backend.rows, &sum_question).await?.into_iter();
    let mut both = [Sums::default(), Sums::default()];
    for (part, sums) in parts.iter().zip(&mut sums) {
        let [now, before] = &mut both;
        match [window, compared].map(|window| window.contains(*part)) {
            [true, true] => {
                sums.iter().for_each(|(key, amount)| now.add(key, amount));
                before.absorb(sums);
            }
            [true, false] => now.absorb(sums),
            [false, _] => before.absorb(sums),
        }
    }
    let [now, before] = both;
    let total = now.total().saturating_add(before.total());
    let mut units = Amount::ZERO;
    for (part, sums) in parts.iter().zip(sums) {
        let ranges = [window, compared].into_iter().filter(|window| window.contains(*part));
        ranges.for_each(|_| units += sums.total());
    }
    let weight = match question.measured {
        Measured::Sales => total.per(units).filter(|price| *price != Amount::ZERO),
        Measured::Views | Measured::Carts | Measured::Units => Some(Amount::ONE),
    };
    let weight = weight.unwrap_or(Amount::ONE).times(WEIGHT);
    Ok(Both { now, before, weight })
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::time::Minute;
    use minutebook_domain::time::period::Retention;
    use minutebook_storage::memory::{MemoryTable, Reads};
    use serde_json::{Value, json};

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

    /// Counted numbers: measure, time, key, number.
    type Cell = (&'static str, &'static str, &'static str, &'static str);

    const CELLS: &[Cell] = &[
        ("views", "2026-11-20T10:00:00Z", "1", "100"),
        ("views", "2026-11-20T10:00:00Z", "2", "1"),
        ("views", "2026-11-20T10:00:00Z", "down", "60"),
        ("views", "2026-11-20T12:08:00Z", "down", "600"),
        ("views", "2026-11-20T10:00:00Z", "same", "900"),
        ("views", "2026-11-21T10:00:00Z", "1", "150"),
        ("views", "2026-11-21T12:07:00Z", "2", "3"),
        ("views", "2026-11-21T10:00:00Z", "down", "20"),
        ("views", "2026-11-21T10:00:00Z", "same", "900"),
        ("views", "2026-11-21T10:00:00Z", "(other)", "7"),
        ("sales:USD", "2026-11-20T10:00:00Z", "1", "30"),
        ("sales:USD", "2026-11-21T10:00:00Z", "1", "60"),
        ("units", "2026-11-20T10:00:00Z", "1", "3"),
        ("units", "2026-11-21T10:00:00Z", "1", "6"),
    ];

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:07:30Z".parse().expect("a time")
    }

    fn asked(query: &str) -> (u16, Value, Reads) {
        let table = MemoryTable::default();
        for (measure, time, key, number) in CELLS {
            let minute = Minute::containing(time.parse().expect("a time")).expect("in range");
            let measure = Measure::parse(measure).expect("a measure");
            let amount = Amount::parse(number.as_bytes()).expect("a decimal");
            table.count("default", measure, minute, (*key, amount), now(), RETENTION);
        }
        let backend = Backend::of_test(table, now());
        let request = lambda_http::http::Request::get(format!("/movers?{query}"));
        let request = request.body(Body::Empty).expect("a request");
        let (response, reads) = backend.rows.read(handle(&request, &backend));
        let body = serde_json::from_slice(response.body().as_ref()).expect("JSON");
        (response.status().as_u16(), body, reads)
    }

    #[test]
    fn many_from_many_rise_before_three_from_one() {
        let (status, answer, _) = asked("measure=views");
        assert_eq!(status, 200, "{answer}");
        let ids = |list: &str| -> Vec<&Value> {
            answer[list].as_array().expect("a list").iter().map(|it| &it["item_id"]).collect()
        };
        assert_eq!(ids("rising"), [&json!(1), &json!(2)]);
        assert_eq!(ids("falling"), [&json!("down")]);
        // m = (1080 + 20) / (1061 + 20) = 1.017576, and (150 + 20 m) / 120 = 1.419596.
        let first = json!({"item_id": 1, "value": 150, "compared": 100, "change": 0.419596});
        assert_eq!(answer["rising"][0], first);
        let all = json!({"value": 1_080, "compared": 1_061, "change": 0.017576});
        assert_eq!((&answer["all"], &answer["weight"]), (&all, &json!(20)));
        assert_eq!(answer["other"], json!({"value": 7, "compared": 0}));
        assert_eq!(answer["compare"]["to"], "2026-11-20T12:08:00Z");
        assert_eq!(asked("measure=views&limit=1").1["rising"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn money_is_weighed_by_what_a_piece_costs() {
        let (_, answer, _) = asked("measure=sales");
        assert_eq!((&answer["weight"], &answer["currency"]), (&json!(200.0), &json!("USD")));
        // m = 260 / 230 = 1.130435, and (60 + 200 m) / 230.
        let first = json!({"item_id": 1, "value": 60.0, "compared": 30.0, "change": 0.243857});
        assert_eq!(answer["rising"], json!([first]));
        let (_, none, _) = asked("measure=sales&currency=EUR");
        assert_eq!((&none["rising"], &none["weight"]), (&json!([]), &json!(20.0)));
    }

    #[test]
    fn ranges_that_overlap_are_read_once() {
        let (_, answer, reads) = asked("measure=views&from=2026-11-10&compare=week");
        assert_eq!(answer["all"]["value"], 1_661 + 1_080);
        assert_eq!(answer["all"]["compared"], 0);
        assert!(reads.queries < 45, "{reads:?}");
    }

    #[test]
    fn nothing_counted_is_two_empty_lists() {
        let (status, answer, _) = asked("measure=carts&tz=Europe/Berlin");
        let all = json!({"value": 0, "compared": 0, "change": 0});
        assert_eq!((status, &answer["all"]), (200, &all));
        assert_eq!((&answer["rising"], &answer["falling"]), (&json!([]), &json!([])));
        assert_eq!(answer.get("other"), None);
    }
}
