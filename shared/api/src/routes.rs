//! The calls: their paths, their methods, what each needs, and the function that answers it. Tests
//! hold the template's routes and those of `cargo lambda watch` equal to this list. The dispatch
//! and the description of the API are made from it.

use std::future::Future;
use std::pin::Pin;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use minutebook_storage::api_keys::Role;
use minutebook_storage::table::Table;

use crate::access::{Caller, Needs};
use crate::backend::Backend;
use crate::http::csv::Listing;
use crate::http::response::{preflight_or_no_post, preflight_or_wrong_method};
use crate::live::LiveCall;
use crate::openapi::operation::{Operation, Schemas};
use crate::orders::OrdersCall;
use crate::queues::Queues;
use crate::{
    collect, dashboard, funnel, health, history, items, live, movers, openapi, orders, overview,
    rankings, reconcile, share, sites, stats,
};

/// One path of the API.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The path. The part in braces, at its end, stands for the rest of the path, slashes included.
    pub path: &'static str,
    /// What the path is for, which decides its methods.
    pub purpose: Purpose,
    /// What a caller needs, where the deployment requires keys.
    pub needs: Needs,
    /// The function that answers.
    pub function: Function,
    /// What its answers list, if they can be had as a table.
    pub(crate) listing: Option<Listing>,
    /// Builds the description of the call; `None` for files, which are no calls.
    pub(crate) describe: Option<Describe>,
}

/// What a path is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// It answers questions: GET and HEAD.
    Question,
    /// It takes events: POST.
    Post,
    /// It is a file of the dashboard: GET and HEAD, without a key, and not for other pages.
    File,
}

/// The function that answers a path.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// A function of its own, by the name of its binary.
    Own(&'static str),
    /// `api`, by this handler.
    Api(Handle),
    /// `api`, by the description of the API, which is made from this list.
    Description,
}

/// A handler of `api`.
pub type Handle = for<'a> fn(&'a Request, &'a Caller, &'a ApiBackend) -> Answering<'a>;

/// What `api` answers from.
pub type ApiBackend = Backend<Table, Queues>;

/// An answer in the making.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>;

/// All paths of the API.
pub const ROUTES: &[Route] = &[
    post("/events", collect::describe::events),
    post("/event", collect::describe::event_alone),
    post("/ingest", collect::describe::ingest),
    Route {
        needs: Needs::Role(Role::Write),
        ..own("/generate_random_events", "collect", collect::describe::random_events)
    },
    own("/most_viewed_item", "most_viewed", rankings::describe::most_viewed)
        .listing(rankings::describe::MOST_VIEWED),
    own("/top_item_added_to_cart", "top_carted", rankings::describe::top_carted)
        .listing(rankings::describe::TOP_CARTED),
    own("/highest_grossing_item", "highest_grossing", rankings::describe::highest_grossing)
        .listing(rankings::describe::HIGHEST_GROSSING),
    api("/history", history::describe::history, |request, _, backend| {
        Box::pin(history::handle(request, backend))
    })
    .listing(history::describe::HISTORY),
    api("/overview", overview::describe::overview, |request, _, backend| {
        Box::pin(overview::handle(request, backend))
    }),
    api("/movers", movers::describe::movers, |request, _, backend| {
        Box::pin(movers::handle(request, backend))
    })
    .listing(movers::describe::MOVERS),
    api("/funnel", funnel::describe::funnel, |request, _, backend| {
        Box::pin(funnel::handle(request, backend))
    })
    .listing(funnel::describe::FUNNEL),
    api("/items/{item_id}", items::describe::item, |request, _, backend| {
        Box::pin(items::handle(request, backend))
    })
    .listing(items::describe::ITEM),
    api("/reconcile", reconcile::describe::reconcile, |request, _, backend| {
        Box::pin(reconcile::handle(request, backend))
    })
    .listing(reconcile::describe::RECONCILE),
    api("/stats", stats::describe::stats, |request, _, backend| {
        Box::pin(stats::handle(request, backend))
    })
    .listing(stats::describe::STATS),
    api("/sites", sites::describe::sites, |request, _, backend| {
        Box::pin(sites::handle(request, backend))
    })
    .listing(sites::describe::SITES),
    api("/share_key", share::describe::share_key, |request, caller, backend| {
        let answer = share::handle(request, caller, &backend.clock);
        Box::pin(std::future::ready(answer))
    }),
    api("/metrics", live::describe::live, |request, caller, backend| {
        Box::pin(live::handle(LiveCall::Metrics, request, caller, backend))
    }),
    api("/metrics/prometheus", live::describe::prometheus, |request, caller, backend| {
        Box::pin(live::handle(LiveCall::Prometheus, request, caller, backend))
    }),
    api("/metrics/orders", orders::describe::orders, |request, _, backend| {
        Box::pin(orders::handle(OrdersCall::Orders, request, backend))
    }),
    api("/metrics/realtime", orders::describe::realtime, |request, _, backend| {
        Box::pin(orders::handle(OrdersCall::Realtime, request, backend))
    }),
    api("/metrics/revenue/hourly", orders::describe::hourly_revenue, |request, _, backend| {
        Box::pin(orders::handle(OrdersCall::HourlyRevenue, request, backend))
    })
    .listing(orders::describe::HOURLY_REVENUE),
    api("/metrics/products/top", orders::describe::top_products, |request, _, backend| {
        Box::pin(orders::handle(OrdersCall::TopProducts, request, backend))
    })
    .listing(orders::describe::TOP_PRODUCTS),
    Route {
        needs: Needs::NothingForStatus,
        ..api("/health", health::describe::health, |_, caller, backend| {
            Box::pin(health::handle(caller, backend))
        })
    },
    Route {
        path: "/openapi.json",
        purpose: Purpose::Question,
        needs: Needs::Nothing,
        function: Function::Description,
        listing: None,
        describe: Some(openapi::describe::openapi),
    },
    file("/"),
    file("/assets/{file}"),
];

type Describe = fn(&mut Schemas) -> Operation;

const fn post(path: &'static str, describe: Describe) -> Route {
    let needs = Needs::Role(Role::Write);
    let (function, describe) = (Function::Own("collect"), Some(describe));
    Route { path, purpose: Purpose::Post, needs, function, listing: None, describe }
}

const fn file(path: &'static str) -> Route {
    Route {
        path,
        purpose: Purpose::File,
        needs: Needs::Nothing,
        function: Function::Api(|request, _, backend| {
            let live_url = backend.live_url.as_deref();
            Box::pin(std::future::ready(dashboard::handle(request, live_url)))
        }),
        listing: None,
        describe: None,
    }
}

const fn own(path: &'static str, function: &'static str, describe: Describe) -> Route {
    question(path, Function::Own(function), describe)
}

const fn api(path: &'static str, describe: Describe, handle: Handle) -> Route {
    question(path, Function::Api(handle), describe)
}

const fn question(path: &'static str, function: Function, describe: Describe) -> Route {
    let needs = Needs::Role(Role::Read);
    let describe = Some(describe);
    Route { path, purpose: Purpose::Question, needs, function, listing: None, describe }
}

impl Function {
    /// The name of its binary.
    pub fn name(self) -> &'static str {
        match self {
            Function::Own(name) => name,
            Function::Api(_) | Function::Description => "api",
        }
    }
}

impl Route {
    /// This route, whose answers list something.
    const fn listing(self, listing: Listing) -> Route {
        Route { listing: Some(listing), ..self }
    }

    /// The route of a path; `None` if the path is unknown.
    pub fn of(path: &str) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.has(path))
    }

    /// Whether its answers only tell what is there, so that a client may keep them.
    pub(crate) fn only_reads(&self) -> bool {
        self.purpose == Purpose::Question && self.needs != Needs::Role(Role::Write)
    }

    fn has(&self, path: &str) -> bool {
        match self.path.split_once('{') {
            Some((start, _)) => path.strip_prefix(start).is_some_and(|rest| !rest.is_empty()),
            None => self.path == path,
        }
    }

    /// Answers the preflight request of a browser, and requests of a wrong method. `None` for the
    /// methods of this path.
    pub fn preflight_or_wrong_method(&self, method: &Method) -> Option<Response<Body>> {
        match self.purpose {
            Purpose::Question | Purpose::File => preflight_or_wrong_method(method),
            Purpose::Post => preflight_or_no_post(method),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn listed() -> BTreeSet<(String, String)> {
        let names = |route: &Route| (route.path.to_string(), route.function.name().to_string());
        ROUTES.iter().map(names).collect()
    }

    /// What follows this name in the text, up to the end of the value.
    fn value<'a>(text: &'a str, name: &str) -> &'a str {
        let (_, value) = text.split_once(name).unwrap_or_else(|| panic!("{name} is missing"));
        value.split([',', '\n', '}']).next().unwrap_or_default()
    }

    /// A resource of the template, which ends at the next empty line.
    fn resource<'a>(template: &'a str, name: &str) -> &'a str {
        let (_, rest) = template
            .split_once(&format!("\n  {name}:\n"))
            .unwrap_or_else(|| panic!("no resource {name}"));
        rest.split("\n\n").next().unwrap_or_default()
    }

    fn function_of<'a>(template: &'a str, integration: &str) -> &'a str {
        let function = value(resource(template, integration), "IntegrationUri: !GetAtt ");
        let function = function.strip_suffix(".Arn").expect("an ARN");
        value(resource(template, function), "CodeUri: ../functions/")
    }

    #[test]
    fn the_template_routes_each_path_to_its_function_and_all_others_to_api() {
        let template = include_str!("../../../infra/template.yaml");
        // The routes of the HTTP API; a WebSocket API beside it has others.
        let (_, of_http) = template.split_once("\n  Api:\n").expect("the HTTP API");
        let (of_http, _) = of_http.split_once("\n  LiveApi:\n").expect("the WebSocket API");
        let mut routed = BTreeSet::new();
        for route in of_http.split("\n\n").filter(|resource| resource.contains("RouteKey: ")) {
            let integration = value(route, "Target: !Sub 'integrations/${");
            let key = value(route, "RouteKey: ");
            let path = key.strip_prefix("ANY ").unwrap_or(key);
            let function = function_of(template, integration).to_string();
            routed.insert((path.replace("+}", "}"), function));
        }
        let mut expected = listed();
        expected.retain(|(_, function)| function != "api");
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
            ("/", Some("/")),
            ("/assets/index.js", Some("/assets/{file}")),
            ("/assets/", None),
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
