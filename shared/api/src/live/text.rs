//! The live numbers for Prometheus, what is sold, and the state of counting.

use chrono::{DateTime, Utc};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::visitors::VisitorCounts;
use minutebook_domain::time::Hour;
use minutebook_storage::chunk::totals::Totals;
use minutebook_storage::open_hours::lag::SealingLag;
use minutebook_storage::queue::QueueDepth;

use crate::live::prometheus::{Exposition, Kind, TextFormat};
use crate::live::query::LiveQuery;
use crate::live::shop::Shop;

/// The numbers to write.
pub(crate) struct State {
    /// The active visitors and sessions.
    pub(crate) active: VisitorCounts,
    /// How many views there were.
    pub(crate) page_views: Amount,
    /// What is sold; `None` if it is not asked for.
    pub(crate) shop: Option<Shop>,
    /// How counting is doing; `None` for callers who may not see the whole deployment.
    pub(crate) counting: Option<Counting>,
}

/// How counting is doing, for all sites together.
pub(crate) struct Counting {
    /// Where the lines of all chunks went.
    pub(crate) totals: Totals,
    /// How far rollup is behind; `None` if it has never run.
    pub(crate) sealing_lag: Option<SealingLag>,
    /// The depths of the queues.
    pub(crate) queues: Queues,
}

/// How many messages there are; `None` for a queue that could not be reached.
pub(crate) struct Queues {
    pub(crate) ingest: Option<QueueDepth>,
    pub(crate) dead_letters: Option<QueueDepth>,
}

impl State {
    /// Writes all metrics.
    pub(crate) fn text(
        &self,
        format: TextFormat,
        question: &LiveQuery,
        now: DateTime<Utc>,
    ) -> String {
        let mut exposition = Exposition::new(format);
        if let Some(counting) = &self.counting {
            counting.add_totals(&mut exposition);
        }
        self.add_live(&mut exposition, question);
        if let Some(shop) = &self.shop {
            shop.add(&mut exposition, question);
        }
        if let Some(counting) = &self.counting {
            counting.add_lag(&mut exposition, now);
            counting.queues.add(&mut exposition);
        }
        exposition.finish()
    }

    fn add_live(&self, exposition: &mut Exposition, question: &LiveQuery) {
        let site = ("site_id", question.site_id.as_str());
        let users_window = format!("{}m", question.users_window.minutes());
        let views_window = format!("{}m", question.views_window.minutes());
        let mut add = |name, help, window, value| {
            exposition.add(Kind::Gauge, name, help, [(vec![site, ("window", window)], value)]);
        };
        let VisitorCounts { visitors: users, sessions } = self.active;
        let users_help = "Customers of the site that had an event in the window.";
        let sessions_help = "Sessions of the site that had an event in the window.";
        add("minutebook_active_users", users_help, &users_window, users.to_string());
        add("minutebook_active_sessions", sessions_help, &users_window, sessions.to_string());
        let views = self.page_views.to_string();
        add("minutebook_page_views", "Views of the site in the window.", &views_window, views);
    }
}

impl Shop {
    fn add(&self, exposition: &mut Exposition, question: &LiveQuery) {
        let window = format!("{}m", self.window.minutes());
        let labels = vec![("site_id", question.site_id.as_str()), ("window", window.as_str())];
        for (name, help, value) in [
            ("cart_adds", "Additions to carts in the window.", self.carts),
            ("units_sold", "Units that were sold in the window.", self.units),
            ("orders", "Orders of all currencies that were placed in the window.", self.orders),
        ] {
            let name = format!("minutebook_{name}");
            exposition.add(Kind::Gauge, &name, help, [(labels.clone(), value)]);
        }
        for (name, help, value) in [
            ("sales", "Sales of items in the window, before refunds.", self.sales),
            ("refunds", "What was refunded in the window, for items.", self.refunds),
            ("order_value", "What the orders of the window cost.", self.order_value),
            (
                "order_refunds",
                "What was refunded in the window, of orders of any time.",
                self.order_refunds,
            ),
        ] {
            let name = format!("minutebook_{name}");
            let labels = [labels.clone(), vec![("currency", self.currency.as_str())]].concat();
            exposition.add(Kind::Gauge, &name, help, [(labels, value)]);
        }
    }
}

impl Counting {
    fn add_totals(&self, exposition: &mut Exposition) {
        let totals = &self.totals;
        let outcomes = [
            ("counted", totals.counted),
            ("ignored", totals.ignored),
            ("duplicate", totals.duplicate),
            ("rejected", totals.rejected),
        ];
        exposition.add(
            Kind::Counter,
            "minutebook_lines",
            "Lines of all chunks, by what became of them.",
            outcomes.map(|(outcome, count)| (vec![("outcome", outcome)], count)),
        );
        let by_reason = totals.rejected_by_reason.iter();
        exposition.add(
            Kind::Counter,
            "minutebook_rejected_lines",
            "Lines that were rejected, by reason.",
            by_reason.map(|(reason, count)| (vec![("reason", reason.as_str())], *count)),
        );
        let events = [(vec![], totals.events)];
        exposition.add(
            Kind::Counter,
            "minutebook_events",
            "Events that were counted; a line can hold many.",
            events,
        );
        let chunks = [(vec![], totals.chunks)];
        exposition.add(Kind::Counter, "minutebook_chunks", "Chunks that were counted.", chunks);
        for (name, help, count) in [
            ("refused_files", "Files that were refused as a whole.", totals.refused),
            (
                "unknown_events",
                "Events that were ignored because their type is unknown.",
                totals.unknown,
            ),
            (
                "purchases_without_money",
                "Purchases with an item whose money is in no field that is read.",
                totals.purchases_without_money,
            ),
            (
                "dropped_values",
                "Values that could not be used and were left out of their events.",
                totals.dropped,
            ),
        ] {
            let name = format!("minutebook_{name}");
            exposition.add(Kind::Counter, &name, help, [(vec![], count)]);
        }
    }

    fn add_lag(&self, exposition: &mut Exposition, now: DateTime<Utc>) {
        let mut add = |name, help, seconds: Option<f64>| {
            exposition.add(Kind::Gauge, name, help, seconds.map(|seconds| (vec![], seconds)));
        };
        // The clocks of the period, of ingest and of this function differ a little.
        let seconds =
            |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).as_seconds_f64().max(0.0);
        let last = self.totals.last;
        add(
            "minutebook_last_chunk_lag_seconds",
            "From putting the chunk that was counted last to counting it.",
            last.map(|last| seconds(last.put_at, last.committed_at)),
        );
        add(
            "minutebook_last_commit_age_seconds",
            "Since a chunk was counted.",
            last.map(|last| seconds(last.committed_at, now)),
        );
        let ended_at =
            |hour: Hour| DateTime::from_timestamp(hour.next().epoch_seconds(), 0).unwrap_or(now);
        add(
            "minutebook_oldest_open_hour_age_seconds",
            "Since the end of the oldest hour that is not rolled up; 0 if there is none that is over.",
            self.sealing_lag
                .map(|lag| lag.oldest_open_hour.map_or(0.0, |hour| seconds(ended_at(hour), now))),
        );
        add(
            "minutebook_rollup_age_seconds",
            "Since rollup last reported.",
            self.sealing_lag.map(|lag| seconds(lag.at, now)),
        );
        exposition.add(
            Kind::Gauge,
            "minutebook_rollup_backlog",
            "Hours of all sites that are over and were not rolled up when rollup last reported.",
            self.sealing_lag.map(|lag| (vec![], lag.hours_waiting)),
        );
    }
}

impl Queues {
    fn add(&self, exposition: &mut Exposition) {
        let queues = [("ingest", self.ingest), ("dead_letters", self.dead_letters)];
        let depths = queues.iter().filter_map(|(queue, depth)| Some((*queue, (*depth)?)));
        exposition.add(
            Kind::Gauge,
            "minutebook_queue_messages",
            "Messages of a queue; those in flight were taken and are not deleted yet.",
            depths.flat_map(|(queue, depth)| {
                [("waiting", depth.waiting), ("in_flight", depth.in_flight)]
                    .map(|(state, count)| (vec![("queue", queue), ("state", state)], count))
            }),
        );
        exposition.add(
            Kind::Gauge,
            "minutebook_queue_up",
            "Whether a queue could be reached.",
            queues.map(|(queue, depth)| (vec![("queue", queue)], u8::from(depth.is_some()))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::query;
    use minutebook_domain::count::measure::Currency;
    use minutebook_domain::query::window::WindowLength;
    use minutebook_storage::chunk::totals::LastChunk;
    use std::collections::BTreeSet;

    const NOW: &str = "2026-11-21T01:00:01.5Z";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn lag(oldest: &str) -> SealingLag {
        SealingLag {
            at: at("2026-11-21T00:59:31.5Z"),
            hours_waiting: 4,
            oldest_open_hour: Hour::parse(oldest),
            catch_up_seconds: 0,
        }
    }

    fn state() -> State {
        let last = LastChunk {
            put_at: at("2026-11-21T00:59:00Z"),
            committed_at: at("2026-11-21T00:59:01.25Z"),
        };
        let totals = Totals {
            chunks: 3,
            lines: 10,
            counted: 4,
            ignored: 3,
            duplicate: 2,
            rejected: 1,
            rejected_by_reason: [("missing:item_id".to_string(), 1)].into(),
            events: 9,
            unknown: 11,
            dropped: 12,
            purchases_without_money: 13,
            refused: 14,
            unknown_types: None,
            last: Some(last),
        };
        State {
            active: VisitorCounts { visitors: 7, sessions: 8 },
            page_views: Amount::from_count(17),
            shop: Some(Shop {
                window: WindowLength::HOUR,
                currency: Currency::USD,
                carts: Amount::from_count(21),
                units: Amount::from_count(22),
                sales: Amount::parse(b"23.5").expect("an amount"),
                refunds: Amount::from_count(24),
                orders: Amount::from_count(25),
                order_value: Amount::from_count(26),
                order_refunds: Amount::from_count(27),
            }),
            counting: Some(Counting {
                totals,
                sealing_lag: Some(lag("2026-11-20T23")),
                queues: Queues {
                    ingest: Some(QueueDepth { waiting: 5, in_flight: 2 }),
                    dead_letters: Some(QueueDepth { waiting: 1, in_flight: 0 }),
                },
            }),
        }
    }

    fn counting() -> Counting {
        state().counting.expect("it is in the state")
    }

    fn written(state: &State) -> String {
        let question = query::parse("site_id=shop:1&users_window=1h", at(NOW)).expect("right");
        state.text(TextFormat::OpenMetrics, &question, at(NOW))
    }

    #[test]
    fn all_of_it_is_written_down() {
        let text = written(&state());
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            r#"minutebook_lines_total{outcome="counted"} 4"#,
            r#"minutebook_lines_total{outcome="ignored"} 3"#,
            r#"minutebook_lines_total{outcome="duplicate"} 2"#,
            r#"minutebook_lines_total{outcome="rejected"} 1"#,
            r#"minutebook_rejected_lines_total{reason="missing:item_id"} 1"#,
            "minutebook_events_total 9",
            "minutebook_chunks_total 3",
            "minutebook_refused_files_total 14",
            "minutebook_unknown_events_total 11",
            "minutebook_purchases_without_money_total 13",
            "minutebook_dropped_values_total 12",
            r#"minutebook_active_users{site_id="shop:1",window="60m"} 7"#,
            r#"minutebook_active_sessions{site_id="shop:1",window="60m"} 8"#,
            r#"minutebook_page_views{site_id="shop:1",window="15m"} 17"#,
            r#"minutebook_cart_adds{site_id="shop:1",window="60m"} 21"#,
            r#"minutebook_units_sold{site_id="shop:1",window="60m"} 22"#,
            r#"minutebook_orders{site_id="shop:1",window="60m"} 25"#,
            r#"minutebook_sales{site_id="shop:1",window="60m",currency="USD"} 23.5"#,
            r#"minutebook_refunds{site_id="shop:1",window="60m",currency="USD"} 24"#,
            r#"minutebook_order_value{site_id="shop:1",window="60m",currency="USD"} 26"#,
            r#"minutebook_order_refunds{site_id="shop:1",window="60m",currency="USD"} 27"#,
            "minutebook_last_chunk_lag_seconds 1.25",
            "minutebook_last_commit_age_seconds 60.25",
            "minutebook_oldest_open_hour_age_seconds 3601.5",
            "minutebook_rollup_age_seconds 30",
            "minutebook_rollup_backlog 4",
            r#"minutebook_queue_messages{queue="ingest",state="waiting"} 5"#,
            r#"minutebook_queue_messages{queue="ingest",state="in_flight"} 2"#,
            r#"minutebook_queue_messages{queue="dead_letters",state="waiting"} 1"#,
            r#"minutebook_queue_messages{queue="dead_letters",state="in_flight"} 0"#,
            r#"minutebook_queue_up{queue="ingest"} 1"#,
            r#"minutebook_queue_up{queue="dead_letters"} 1"#,
        ];
        assert_eq!(samples, expected);
        assert_eq!(text.matches("# TYPE ").count(), text.matches("# HELP ").count());
    }

    #[test]
    fn who_may_not_see_the_deployment_gets_the_numbers_of_the_site() {
        let text = written(&State { counting: None, ..state() });
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(samples.len() == 10, "{text}");
        let text = written(&State { counting: None, shop: None, ..state() });
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 3, "{text}");
        assert!(samples.iter().all(|line| line.contains(r#"site_id="shop:1""#)), "{text}");
    }

    #[test]
    fn the_page_of_prometheus_names_every_metric_and_no_other() {
        let page = include_str!("../../../../docs/guides/PROMETHEUS.md");
        let named = |text: &str| -> BTreeSet<String> {
            let parts = text
                .split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            parts.filter(|part| part.starts_with("minutebook_")).map(str::to_string).collect()
        };
        let text = written(&state());
        let samples: String = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(named(page), named(&samples));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let queues = Queues { ingest: None, ..counting().queues };
        let counting = Counting { totals: Totals::default(), sealing_lag: None, queues };
        let text = written(&State { counting: Some(counting), ..state() });
        for line in [
            "minutebook_chunks_total 0",
            r#"minutebook_queue_up{queue="ingest"} 0"#,
            r#"minutebook_queue_messages{queue="dead_letters",state="waiting"} 1"#,
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
        for part in [
            "minutebook_last_",
            "minutebook_oldest_open_hour",
            "minutebook_rollup",
            r#"queue_messages{queue="ingest""#,
        ] {
            let is_there = text.lines().any(|line| !line.starts_with('#') && line.contains(part));
            assert!(!is_there, "{part}: {text}");
        }
    }

    #[test]
    fn without_open_hours_the_oldest_has_no_age() {
        let sealing_lag = Some(SealingLag { oldest_open_hour: None, ..lag("2026-11-20T23") });
        let counting = Some(Counting { sealing_lag, ..counting() });
        let text = written(&State { counting, ..state() });
        assert!(text.contains("\nminutebook_oldest_open_hour_age_seconds 0\n"), "{text}");
    }

    #[test]
    fn clocks_that_differ_and_an_hour_that_runs_are_no_time() {
        let sealing_lag = SealingLag { at: at("2026-11-21T01:00:02Z"), ..lag("2026-11-21T01") };
        let last = LastChunk {
            put_at: at("2026-11-21T01:00:09Z"),
            committed_at: at("2026-11-21T01:00:02Z"),
        };
        let totals = Totals { last: Some(last), ..counting().totals };
        let counting = Counting { totals, sealing_lag: Some(sealing_lag), ..counting() };
        let text = written(&State { counting: Some(counting), ..state() });
        for name in ["last_chunk_lag", "last_commit_age", "oldest_open_hour_age", "rollup_age"] {
            assert!(text.contains(&format!("\nminutebook_{name}_seconds 0\n")), "{name}: {text}");
        }
    }
}
