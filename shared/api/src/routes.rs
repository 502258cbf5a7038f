//! The calls: which paths there are, the methods of each, and the function that answers it. The
//! template's routes, those of `cargo lambda watch` and the description of the API are held equal
//! to this list by tests.

use lambda_http::http::Method;
use lambda_http::{Body, Response};

use crate::http::response::{preflight_or_no_post, preflight_or_wrong_method};
use crate::openapi::{Operation, Schemas};
use crate::openapi::{calls, site};
use crate::{collect, orders};

/// One path of the API.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The path. What stands in braces, at its end, is the rest of the path, slashes and all.
    pub path: &'static str,
    /// What it is for, and so its methods.
    pub purpose: Purpose,
    /// The binary of the function that answers.
    pub function: &'static str,
    /// What the description of the API says of it.
    pub(crate) describe: Describe,
}

/// What a path is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// It is asked: GET, and HEAD.
    Question,
    /// It takes events: POST.
    Post,
}

/// All paths of the API.
pub const ROUTES: &[Route] = &[
    post("/events", "collect", collect::describe::events),
    post("/event", "collect", collect::describe::event_alone),
    post("/ingest", "collect", collect::describe::ingest),
    question("/generate_random_events", "collect", collect::describe::random_events),
    question("/most_viewed_item", "most_viewed", calls::most_viewed),
    question("/top_item_added_to_cart", "top_carted", calls::top_carted),
    question("/highest_grossing_item", "highest_grossing", calls::highest_grossing),
    question("/history", "history", calls::history),
    question("/items/{item_id}", "items", calls::item),
    question("/stats", "stats", site::stats),
    question("/metrics", "live", site::live),
    question("/metrics/prometheus", "live", site::prometheus),
    question("/metrics/orders", "orders", orders::describe::orders),
    question("/metrics/realtime", "orders", orders::describe::realtime),
    question("/metrics/revenue/hourly", "orders", orders::describe::hourly_revenue),
    question("/metrics/products/top", "orders", orders::describe::top_products),
    question("/health", "health", calls::health),
    question("/openapi.json", "api", calls::openapi),
];

type Describe = fn(&mut Schemas) -> Operation;

const fn question(path: &'static str, function: &'static str, describe: Describe) -> Route {
    Route { path, purpose: Purpose::Question, function, describe }
}

const fn post(path: &'static str, function: &'static str, describe: Describe) -> Route {
    Route { path, purpose: Purpose::Post, function, describe }
}

impl Route {
    /// The route of a path, if there is one.
    pub fn of(path: &str) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.has(path))
    }

    fn has(&self, path: &str) -> bool {
        match self.path.split_once('{') {
            Some((start, _)) => path.strip_prefix(start).is_some_and(|rest| !rest.is_empty()),
            None => self.path == path,
        }
    }

    /// Answers what is no use of this path: the preflight of a browser, and wrong methods. `None`
    /// for what it is for.
    pub fn preflight_or_wrong_method(&self, method: &Method) -> Option<Response<Body>> {
        match self.purpose {
            Purpose::Question => preflight_or_wrong_method(method),
            Purpose::Post => preflight_or_no_post(method),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn listed() -> BTreeSet<(String, String)> {
        ROUTES.iter().map(|route| (route.path.to_string(), route.function.to_string())).collect()
    }

    /// The value that follows this name in the lines, whatever stands before it.
    fn value<'a>(lines: &mut impl Iterator<Item = &'a str>, name: &str) -> &'a str {
        lines
            .find_map(|line| line.trim().strip_prefix(name))
            .unwrap_or_else(|| panic!("{name} is missing"))
    }

    /// The lines of a resource of the template.
    fn resource<'a>(template: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
        let (_, rest) = template
            .split_once(&format!("\n  {name}:\n"))
            .unwrap_or_else(|| panic!("no resource {name}"));
        rest.lines().take_while(|line| line.is_empty() || line.starts_with("    "))
    }

    fn function_of<'a>(template: &'a str, integration: &str) -> &'a str {
        let function = value(&mut resource(template, integration), "IntegrationUri: !GetAtt ");
        let function = function.strip_suffix(".Arn").expect("an ARN");
        let uri = value(&mut resource(template, function), "CodeUri: ../target/lambda/");
        uri.strip_suffix("/bootstrap.zip").expect("a zip")
    }

    #[test]
    fn the_template_has_these_routes_and_leads_all_else_to_the_api_function() {
        let template = include_str!("../../../infra/template.yaml");
        let mut lines = template.lines();
        let mut routed = BTreeSet::new();
        while let Some(key) = lines.find_map(|line| line.trim().strip_prefix("RouteKey: ")) {
            let integration = value(&mut lines, "Target: !Sub 'integrations/${");
            let function =
                function_of(template, integration.strip_suffix("}'").expect("a reference"));
            let path = key.strip_prefix("ANY ").unwrap_or(key);
            routed.insert((path.replace("+}", "}"), function.to_string()));
        }
        let mut expected = listed();
        expected.insert(("$default".to_string(), "api".to_string()));
        assert_eq!(routed, expected);
    }

    #[test]
    fn cargo_lambda_watch_has_these_routes() {
        let manifest = include_str!("../../../Cargo.toml");
        let (_, table) =
            manifest.split_once("[workspace.metadata.lambda.watch.router]\n").expect("a router");
        let routed: BTreeSet<(String, String)> = table
            .lines()
            .map_while(|line| line.split_once(" = "))
            .map(|(path, function)| {
                (path.trim_matches('"').replace("{*", "{"), function.trim_matches('"').to_string())
            })
            .collect();
        assert_eq!(routed, listed());
    }

    #[test]
    fn a_path_has_its_route() {
        for (path, route) in [
            ("/events", Some("/events")),
            ("/items/7", Some("/items/{item_id}")),
            ("/items/a/b", Some("/items/{item_id}")),
            ("/items/", None),
            ("/items", None),
            ("/events/", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Route::of(path).map(|route| route.path), route, "{path}");
        }
    }

    #[test]
    fn a_path_has_the_methods_of_its_purpose() {
        let questions = Route::of("/history").expect("a path");
        let posts = Route::of("/events").expect("a path");
        for (route, right, wrong) in
            [(questions, Method::GET, Method::POST), (posts, Method::POST, Method::GET)]
        {
            assert!(route.preflight_or_wrong_method(&right).is_none());
            assert_eq!(
                route.preflight_or_wrong_method(&wrong).map(|answer| answer.status().as_u16()),
                Some(405)
            );
            let preflight = route.preflight_or_wrong_method(&Method::OPTIONS);
            assert_eq!(preflight.map(|answer| answer.status().as_u16()), Some(204));
        }
    }
}
