//! Answers that list something, as tables of comma-separated values for clients that prefer them.
//!
//! **Source**: RFC 4180, and <https://owasp.org/www-community/attacks/CSV_Injection>.

use std::collections::BTreeMap;

use lambda_http::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, VARY};
use lambda_http::http::{StatusCode, Uri};
use lambda_http::{Body, Response};
use serde_json::value::RawValue;

use crate::access::PARAMETER;
use crate::http::accept::{self, MediaType};

const CONTENT: &str = "text/csv; charset=utf-8; header=present";
const JSON: MediaType = MediaType { kind: "application", subtype: "json", version: None };
const CSV: MediaType = MediaType { kind: "text", subtype: "csv", version: None };

/// The column of the name of the list, where an answer has several.
const LIST: &str = "list";

/// What an answer lists, and how that is a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// The members that are lists; without any, the answer is the only row.
    pub(crate) lists: &'static [&'static str],
    /// The columns: members of the entries or, if these do not have them, of the answer. A dot leads
    /// into a member, as `items.net`. A member that is not there is an empty field.
    pub(crate) columns: &'static [&'static str],
}

/// The members of an object, as they are written.
type Members = BTreeMap<String, Box<RawValue>>;

/// The form that a client prefers of an answer that lists something.
pub(crate) struct Preferred {
    listing: Listing,
    is_csv: bool,
    /// That of the request.
    uri: Uri,
}

impl Preferred {
    /// Reads `Accept`. A client that accepts neither form gets JSON.
    pub(crate) fn of(listing: Listing, headers: &HeaderMap, uri: &Uri) -> Preferred {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let accept = values.collect::<Vec<_>>().join(",");
        let is_csv = accept::best(&accept, &[JSON, CSV]) == Some(1);
        Preferred { listing, is_csv, uri: uri.clone() }
    }

    /// An answer in this form. Only JSON with status 200 has two.
    pub(crate) fn form(&self, mut response: Response<Body>) -> Response<Body> {
        response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
        if !self.is_csv || response.status() != StatusCode::OK {
            return response;
        }
        let Ok(answer) = serde_json::from_slice::<Members>(response.body().as_ref()) else {
            return response;
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        if let Some(link) = self.next_page(&answer) {
            headers.insert(LINK, link);
        }
        *response.body_mut() = Body::Text(self.listing.table(&answer));
        response
    }

    /// Where the next page is, which the table does not say (RFC 8288).
    fn next_page(&self, answer: &Members) -> Option<HeaderValue> {
        let cursor: String = serde_json::from_str(answer.get("next_cursor")?.get()).ok()?;
        let given = form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        let repeated = given.filter(|(name, _)| name != "cursor" && name != PARAMETER);
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(repeated).append_pair("cursor", &cursor).finish();
        HeaderValue::from_str(&format!("<?{query}>; rel=\"next\"")).ok()
    }
}

impl Listing {
    /// The names of the columns.
    pub(crate) fn header(&self) -> Vec<&'static str> {
        let of_list = (self.lists.len() > 1).then_some(LIST);
        of_list.into_iter().chain(self.columns.iter().copied()).collect()
    }

    /// The answer as a table with a header.
    fn table(self, answer: &Members) -> String {
        let Listing { lists, columns } = self;
        let names_list = lists.len() > 1;
        let mut table = String::new();
        push_row(&mut table, self.header().into_iter().map(str::to_string));
        if lists.is_empty() {
            push_row(&mut table, columns.iter().map(|column| field(answer, column)));
        }
        for list in lists {
            let entries = answer.get(*list).map(|list| list.get()).unwrap_or("[]");
            let entries: Vec<Members> = serde_json::from_str(entries).unwrap_or_default();
            for entry in &entries {
                let of_entry = |column: &&str| {
                    let (first, _) = column.split_once('.').unwrap_or((*column, ""));
                    let from = if entry.contains_key(first) { entry } else { answer };
                    field(from, column)
                };
                let name = names_list.then(|| (*list).to_string());
                push_row(&mut table, name.into_iter().chain(columns.iter().map(of_entry)));
            }
        }
        table
    }
}

/// The field of a member, which may lie in others; empty if there is none.
fn field(members: &Members, column: &str) -> String {
    let (name, rest) = column.split_once('.').unwrap_or((column, ""));
    let Some(value) = members.get(name) else { return String::new() };
    if !rest.is_empty() {
        let inner: Members = serde_json::from_str(value.get()).unwrap_or_default();
        return field(&inner, rest);
    }
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).unwrap_or_default();
            text_field(&text)
        }
        // A number with all its digits, or a truth value.
        other => other.to_string(),
    }
}

/// A text as a field. Texts come from events, so that one may look like a formula to a spreadsheet,
/// which would run it: it gets an apostrophe, as all that begin like one.
fn text_field(text: &str) -> String {
    const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let apostrophe = if text.starts_with(BEGINNINGS) { "'" } else { "" };
    // Some spreadsheets separate at semicolons and tabs, and drop spaces at edges.
    let is_quoted = text.contains(['"', ',', ';', '\t', '\r', '\n']) || text.trim() != text;
    match is_quoted {
        true => format!("\"{apostrophe}{}\"", text.replace('"', "\"\"")),
        false => format!("{apostrophe}{text}"),
    }
}

fn push_row(table: &mut String, fields: impl Iterator<Item = String>) {
    for (place, field) in fields.enumerate() {
        if place > 0 {
            table.push(',');
        }
        table.push_str(&field);
    }
    table.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::response::{json, problem};
    use serde_json::{Value, json as value};

    const RANKING: Listing = Listing { lists: &["top"], columns: &["item_id", "n.of", "currency"] };

    fn answered(
        listing: Listing,
        accept: &str,
        answer: Response<Body>,
    ) -> (String, Response<Body>) {
        let headers =
            HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).expect("a header"))]);
        let uri = "/history?measure=views&tz=a%2Fb&key=secret&cursor=old".parse().expect("a URI");
        let response = Preferred::of(listing, &headers, &uri).form(answer);
        assert_eq!(response.headers()[VARY], "accept");
        (String::from_utf8_lossy(response.body().as_ref()).into_owned(), response)
    }

    fn table(listing: Listing, answer: &Value) -> String {
        answered(listing, "text/csv", json(answer)).0
    }

    #[test]
    fn a_list_is_a_table_with_a_header() {
        let answer = value!({
            "top": [{"item_id": 7, "n": {"of": 1.5}}, {"item_id": "sku-2", "n": {"of": -3}}, {"item_id": "x"}],
            "currency": "EUR", "total": 9,
        });
        let (text, response) = answered(RANKING, "text/csv", json(&answer));
        assert_eq!(text, "item_id,n.of,currency\r\n7,1.5,EUR\r\nsku-2,-3,EUR\r\nx,,EUR\r\n");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/csv; charset=utf-8; header=present");
        assert_eq!(table(RANKING, &value!({"top": []})), "item_id,n.of,currency\r\n");
    }

    #[test]
    fn digits_are_kept() {
        let answer = RawValue::from_string(
            r#"{"top":[{"item_id":1,"n":{"of":12345678901234567890.10}}]}"#.to_string(),
        );
        let (text, _) = answered(RANKING, "text/csv", json(&answer.expect("JSON")));
        assert_eq!(text, "item_id,n.of,currency\r\n1,12345678901234567890.10,\r\n");
    }

    #[test]
    fn several_lists_are_named_and_an_answer_without_one_is_a_row() {
        let listing = Listing { lists: &["rising", "falling"], columns: &["id"] };
        let answer = value!({"rising": [{"id": 1}], "falling": [{"id": 2}, {"id": 3}]});
        assert_eq!(table(listing, &answer), "list,id\r\nrising,1\r\nfalling,2\r\nfalling,3\r\n");
        let listing = Listing { lists: &[], columns: &["id", "of.a", "none"] };
        assert_eq!(
            table(listing, &value!({"id": 1, "of": {"a": true}})),
            "id,of.a,none\r\n1,true,\r\n"
        );
    }

    #[test]
    fn texts_are_quoted_and_formulas_are_harmless() {
        for (text, field) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            (" edge", "\" edge\""),
            ("=1+1", "'=1+1"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("+49", "'+49"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("ü/日本", "ü/日本"),
            ("", ""),
        ] {
            assert_eq!(text_field(text), field, "{text:?}");
        }
    }

    #[test]
    fn the_header_decides_and_errors_stay_as_they_are() {
        let answer = || json(&value!({"top": []}));
        for accept in ["*/*", "application/json", "text/csv;q=0.5,*/*", "text/html", "text/csv;q=0"]
        {
            assert_eq!(answered(RANKING, accept, answer()).0, r#"{"top":[]}"#, "{accept}");
        }
        for accept in ["text/csv", "text/*", "application/json;q=0.5, text/csv", "TEXT/CSV"] {
            assert!(answered(RANKING, accept, answer()).0.starts_with("item_id"), "{accept}");
        }
        let wrong = problem(StatusCode::BAD_REQUEST, "no");
        assert!(answered(RANKING, "text/csv", wrong).0.starts_with('{'));
    }

    #[test]
    fn the_next_page_is_linked_without_the_key() {
        let link = |cursor: Value| {
            let answer = json(&value!({"top": [], "next_cursor": cursor}));
            let (_, response) = answered(RANKING, "text/csv", answer);
            let link = response.headers().get(LINK).and_then(|link| link.to_str().ok());
            link.map(str::to_string)
        };
        let next = "<?measure=views&tz=a%2Fb&cursor=new-1>; rel=\"next\"";
        assert_eq!(link(value!("new-1")).as_deref(), Some(next));
        assert_eq!(link(Value::Null), None);
    }
}
