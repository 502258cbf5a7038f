//! The path and the query parameters of the page of an item.

use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::window::WindowLength;
use minutebook_domain::time::Minute;
use percent_encoding::percent_decode_str;

use crate::http::basis::Basis;
use crate::http::parameters::{self, Parameter};

/// What precedes the id in the path.
const PATH: &str = "/items/";

/// The query of the page of an item.
pub(crate) struct ItemQuery {
    pub(crate) item_id: String,
    pub(crate) site_id: SiteId,
    pub(crate) window: WindowLength,
    pub(crate) as_of: Minute,
    /// `None` is that of the site.
    pub(crate) currency: Option<Currency>,
    pub(crate) basis: Basis,
}

impl ItemQuery {
    /// Reads the path and the query string. The error is a sentence that names what is wrong, for a
    /// 400.
    pub(crate) fn read<'a>(
        path: &str,
        parameters: impl Iterator<Item = Parameter<'a>>,
        now: DateTime<Utc>,
    ) -> Result<ItemQuery, String> {
        let as_of =
            Minute::containing(now).ok_or_else(|| "the clock is out of range".to_string())?;
        let mut query = ItemQuery {
            item_id: item_id(path)?,
            site_id: SiteId::default(),
            window: WindowLength::DAY,
            as_of,
            currency: None,
            basis: Basis::Refund,
        };
        for (name, value) in parameters::each_once(parameters)? {
            match name.as_ref() {
                "site_id" => query.site_id = parameters::site_id(&value)?,
                "window" => query.window = parameters::window(&value)?,
                "as_of" => query.as_of = parameters::as_of("as_of", &value)?,
                "currency" => query.currency = Some(parameters::currency(&value)?),
                "basis" => query.basis = Basis::parse(&value)?,
                _ => {
                    return Err(format!(
                        "{name:?} is not a parameter of this call; it takes site_id, window, as_of, currency, basis"
                    ));
                }
            }
        }
        Ok(query)
    }
}

/// The id in a path. API Gateway decodes paths, except for `%25`; other callers do not. Either way,
/// decoding once gives the id. Everything after `/items/` is the id, since an encoded slash may
/// arrive decoded.
fn item_id(path: &str) -> Result<String, String> {
    let (_, encoded) = path
        .split_once(PATH)
        .ok_or_else(|| format!("the path is {path:?}; expected {PATH} and an item's id"))?;
    let decoded = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|_| format!("item_id is {encoded:?}; expected percent-encoded UTF-8"))?;
    parameters::item_id(&decoded)
}
