//! The JSON answer of `/metrics`.

use minutebook_domain::count::visitors::VisitorCounts;
use minutebook_domain::query::window::{Precision, Window};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{Number, Time, WindowAnswer, number, other};
use crate::live::query::LiveQuery;
use crate::stats::views::Views;

/// What is going on at a site, and in which windows.
pub(crate) struct Numbers {
    pub(crate) active: VisitorCounts,
    pub(crate) users_window: (Window, Precision),
    pub(crate) views: Views,
    pub(crate) views_window: (Window, Precision),
}

/// What goes on at a site.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Live")]
pub(crate) struct Answer<'a> {
    /// How many customers had an event.
    active_users: u64,
    /// How many sessions had an event.
    active_sessions: u64,
    /// All views: of pages, of items, and of neither.
    #[schemars(with = "Number")]
    page_views: Box<RawValue>,
    /// The pages with the most views, in their order.
    top_pages: Vec<TopPage<'a>>,
    /// Views of pages that are counted without the names of these pages, since there were too many
    /// of them; left out if there are none. All views include them.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherPages>,
    site_id: &'a str,
    /// The minute that the windows end with.
    #[schemars(with = "Time")]
    as_of: String,
    windows: Windows,
}

#[derive(Serialize, JsonSchema)]
struct OtherPages {
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct TopPage<'a> {
    page: &'a str,
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

/// The windows of the numbers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LiveWindows")]
struct Windows {
    /// Of active users and sessions.
    users: WindowAnswer,
    /// Of views and pages.
    views: WindowAnswer,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(question: &'a LiveQuery, numbers: &'a Numbers) -> Answer<'a> {
        let window = |(window, precision)| WindowAnswer::new(window, precision);
        let top = numbers.views.top_pages(question.limit).into_iter();
        Answer {
            active_users: numbers.active.visitors,
            active_sessions: numbers.active.sessions,
            page_views: number(numbers.views.total(), false),
            top_pages: top
                .map(|(page, views)| TopPage { page, views: number(views, false) })
                .collect(),
            other: other(numbers.views.of_other_pages(), false).map(|views| OtherPages { views }),
            site_id: question.site_id.as_str(),
            as_of: question.as_of.to_string(),
            windows: Windows {
                users: window(numbers.users_window),
                views: window(numbers.views_window),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::query;
    use minutebook_domain::count::amount::Amount;
    use minutebook_domain::query::ranking::Sums;

    #[test]
    fn an_answer_has_the_members_of_a_dashboard() {
        let question = query::parse("limit=2", "2026-11-20T23:07:59Z".parse().expect("a time"))
            .expect("right");
        let mut pages = Sums::default();
        for (page, views) in [("/a", 3), ("/b", 4), ("/c", 1), ("(not set)", 9), ("(other)", 6)] {
            pages.add(page, Amount::from_count(views));
        }
        let window = |length| (Window::ending_with(question.as_of, length), Precision::Minute);
        let numbers = Numbers {
            active: VisitorCounts { visitors: 7, sessions: 8 },
            users_window: window(question.users_window),
            views: Views::of(vec![Sums::default(), pages]),
            views_window: window(question.views_window),
        };
        assert_eq!(
            serde_json::to_string(&Answer::new(&question, &numbers)).expect("an answer is JSON"),
            concat!(
                r#"{"active_users":7,"active_sessions":8,"page_views":23,"#,
                r#""top_pages":[{"page":"/b","views":4},{"page":"/a","views":3}],"other":{"views":6},"#,
                r#""site_id":"default","as_of":"2026-11-20T23:07:00Z","#,
                r#""windows":{"#,
                r#""users":{"from":"2026-11-20T23:03:00Z","to":"2026-11-20T23:08:00Z","precision":"minute"},"#,
                r#""views":{"from":"2026-11-20T22:53:00Z","to":"2026-11-20T23:08:00Z","precision":"minute"}}}"#
            )
        );
    }
}
