//! The answer of `/stats`.

use minutebook_domain::count::visitors::VisitorCounts;
use minutebook_domain::query::window::{Precision, Window};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::answer::{Number, Time, WindowAnswer, number, other};
use crate::stats::query::StatsQuery;
use crate::stats::views::Views;

/// The numbers of a site.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stats")]
pub(crate) struct Answer<'a> {
    site_id: &'a str,
    /// The requested day, if any.
    #[schemars(extend("format" = "date"))]
    date: Option<String>,
    /// All views: of pages, of items, and of neither.
    #[schemars(with = "Number")]
    total_views: Box<RawValue>,
    /// How many customers had an event of any kind; see the accuracy of visitors in the
    /// documentation.
    unique_users: u64,
    /// The paths with the most views, in their order.
    top_paths: Vec<TopPath<'a>>,
    /// Views of pages that are counted without the names of these pages, since there were too many
    /// of them; left out if there are none. The total includes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherPaths>,
    /// The minute that the question was asked in.
    #[schemars(with = "Time")]
    as_of: String,
    window: WindowAnswer,
}

#[derive(Serialize, JsonSchema)]
struct OtherPaths {
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

#[derive(Serialize, JsonSchema)]
struct TopPath<'a> {
    path: &'a str,
    #[schemars(with = "Number")]
    views: Box<RawValue>,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(
        question: &'a StatsQuery,
        (window, precision): (Window, Precision),
        views: &'a Views,
        visitors: VisitorCounts,
    ) -> Answer<'a> {
        let top = views.top_pages(question.limit).into_iter();
        Answer {
            site_id: question.site_id.as_str(),
            date: question.date.map(|date| date.to_string()),
            total_views: number(views.total(), false),
            unique_users: visitors.visitors,
            top_paths: top
                .map(|(path, views)| TopPath { path, views: number(views, false) })
                .collect(),
            other: other(views.of_other_pages(), false).map(|views| OtherPaths { views }),
            as_of: question.as_of.to_string(),
            window: WindowAnswer::new(window, precision),
        }
    }
}
