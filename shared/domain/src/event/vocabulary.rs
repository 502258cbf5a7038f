//! The vocabulary: the names by which fields and types are known.
//!
//! A name is compared by what it says, not by how it is spelled: its ASCII letters, in lower case,
//! and its digits, without anything else. `productId`, `product_id`, `Product ID` and `$product_id`
//! are one name, written `productid` here.
//!
//! **Source**: `docs/VOCABULARY.md`, which a test holds equal to these tables.

use crate::event::reason::Field;

/// The maximum length of a name that is looked for, in letters and digits.
pub(crate) const NAME_BYTES_MAX: usize = 32;

/// The name of what an envelope of Debezium holds, which may be a text.
pub(crate) const AFTER: &str = "after";

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// A field.
    Field(Field),
    /// A member that is not a field by itself.
    Aside(Aside),
}

/// A member that is not a field by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Aside {
    /// The page on which an event happened: its page, if it has no items.
    PageLocation,
    /// The name of an element of `events`: its type, if it has no other.
    Name,
    /// The object in which missing fields are looked up.
    Properties,
    /// The array of keys and values in which they are looked up next.
    Parameters,
    /// The object of a single item, in which the item's missing fields are looked up last.
    Product,
}

impl Aside {
    /// All of them.
    pub(crate) const ALL: [Aside; 5] =
        [Aside::PageLocation, Aside::Name, Aside::Properties, Aside::Parameters, Aside::Product];
}

/// The kind of an event, as far as counting distinguishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// A view of an item, of a page, or of both.
    View,
    /// An item was added to a cart.
    CartAdd,
    /// An item was removed from a cart.
    Removal,
    /// A checkout began.
    Checkout,
    /// An item was bought.
    Purchase,
    /// Money was refunded for an item.
    Refund,
    /// An event about an order, which counts as a whole.
    Order(OrderEvent),
    /// An event of a known type that counts nothing.
    Other,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderEvent {
    /// It was created.
    Created,
    /// Its status changed.
    StatusChanged,
    /// It was cancelled.
    Cancelled,
}

/// Where a name has its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In events and in the elements of `items`.
    Anywhere,
    /// In events only.
    Event,
    /// In the elements of `items` only.
    Item,
}

impl Place {
    /// Whether a name of this place has its meaning in `place`, which is one of the narrow ones.
    pub(crate) const fn includes(self, place: Place) -> bool {
        matches!(self, Place::Anywhere) || self as u8 == place as u8
    }
}

/// The names of a field in a place, in order of precedence. Names in a place of their own come
/// after those that are valid anywhere.
pub(crate) type FieldNames = (Wanted, Place, &'static [&'static str]);

/// The names of all fields; the rows of a field are adjacent.
pub(crate) const FIELDS: [FieldNames; 34] = [
    (
        Wanted::Field(Field::EventType),
        Place::Anywhere,
        &[
            "eventtype",
            "event",
            "type",
            "eventname",
            "behaviortype",
            "interactiontype",
            "trackingtype",
        ],
    ),
    (Wanted::Field(Field::EventType), Place::Event, &["action"]),
    (
        Wanted::Field(Field::Timestamp),
        Place::Anywhere,
        &[
            "timestamp",
            "eventtime",
            "ts",
            "time",
            "eventtimestamp",
            "timestampmicros",
            "timestampms",
            "eventts",
            "datetime",
            "eventat",
            "occurredat",
            "originaltimestamp",
            "derivedtstamp",
            "dvcecreatedtstamp",
            "collectortstamp",
            "createdat",
            "date",
            "sentat",
            "receivedat",
        ],
    ),
    (
        Wanted::Field(Field::ItemId),
        Place::Anywhere,
        &[
            "itemid",
            "productid",
            "aid",
            "sku",
            "productsku",
            "itemsku",
            "contentid",
            "articleid",
            "stockcode",
            "itemcode",
            "productcode",
            "asin",
            "variantid",
            "productvariantid",
        ],
    ),
    (Wanted::Field(Field::ItemId), Place::Item, &["id"]),
    (
        Wanted::Field(Field::ItemName),
        Place::Anywhere,
        &["itemname", "productname", "producttitle", "itemtitle", "prodname"],
    ),
    (Wanted::Field(Field::ItemName), Place::Item, &["name", "title"]),
    (
        Wanted::Field(Field::CustomerId),
        Place::Anywhere,
        &[
            "customerid",
            "userid",
            "visitorid",
            "anonymousid",
            "userpseudoid",
            "clientid",
            "authenticatedusertoken",
            "distinctid",
            "usertoken",
            "domainuserid",
            "fullvisitorid",
            "networkuserid",
            "personid",
            "deviceid",
            "uid",
        ],
    ),
    (
        Wanted::Field(Field::SessionId),
        Place::Anywhere,
        &["sessionid", "usersession", "session", "domainsessionid", "visitid"],
    ),
    (Wanted::Field(Field::PageUrl), Place::Anywhere, &["pageurl", "path", "url", "page"]),
    (
        Wanted::Field(Field::PageUrl),
        Place::Event,
        &["currenturl", "pagepath", "uri", "pathname", "eventsourceurl"],
    ),
    (
        Wanted::Field(Field::SiteId),
        Place::Anywhere,
        &["siteid", "appid", "tenantid", "shopid", "storeid", "websiteid"],
    ),
    (
        Wanted::Field(Field::EventId),
        Place::Anywhere,
        &["eventid", "messageid", "insertid", "eventuniqueid"],
    ),
    (Wanted::Field(Field::EventId), Place::Event, &["uuid"]),
    (
        Wanted::Field(Field::OrderId),
        Place::Anywhere,
        &["orderid", "transactionid", "purchaseid", "invoiceno", "orderno"],
    ),
    (
        Wanted::Field(Field::Price),
        Place::Anywhere,
        &["price", "unitprice", "itemprice", "productprice", "saleprice"],
    ),
    (Wanted::Field(Field::Quantity), Place::Anywhere, &["quantity", "qty", "productquantity"]),
    (Wanted::Field(Field::Quantity), Place::Item, &["quantityordered"]),
    (
        Wanted::Field(Field::TotalAmount),
        Place::Anywhere,
        &["totalamount", "totalprice", "linetotal"],
    ),
    (
        Wanted::Field(Field::TotalAmount),
        Place::Item,
        &["rowtotal", "lineprice", "pricetotal", "total", "subtotal"],
    ),
    (
        Wanted::Field(Field::OrderTotal),
        Place::Event,
        &[
            "revenue",
            "purchaserevenue",
            "value",
            "ordertotal",
            "ordervalue",
            "orderamount",
            "grandtotal",
            "totalvalue",
            "purchaseamount",
            "transactionamount",
            "refundvalue",
            "amount",
            "total",
            "subtotal",
        ],
    ),
    (
        Wanted::Field(Field::Currency),
        Place::Anywhere,
        &["currency", "currencycode", "ordercurrency", "pricecurrency"],
    ),
    (Wanted::Field(Field::OrderNumber), Place::Anywhere, &["ordernumber"]),
    (Wanted::Field(Field::Status), Place::Anywhere, &["status", "orderstatus"]),
    (Wanted::Field(Field::NewStatus), Place::Anywhere, &["newstatus"]),
    (Wanted::Field(Field::RefundAmount), Place::Anywhere, &["refundamount"]),
    (
        Wanted::Field(Field::Items),
        Place::Anywhere,
        &[
            "items",
            "products",
            "lineitems",
            "orderitems",
            "contents",
            "productlistitems",
            "orderlines",
            "productdetails",
        ],
    ),
    (Wanted::Field(Field::Events), Place::Anywhere, &["events", "batch", "eventlist"]),
    (Wanted::Field(Field::Events), Place::Event, &["data"]),
    (Wanted::Aside(Aside::PageLocation), Place::Anywhere, &["pagelocation"]),
    (Wanted::Aside(Aside::Name), Place::Event, &["name"]),
    (
        Wanted::Aside(Aside::Properties),
        Place::Anywhere,
        &[
            "properties",
            "params",
            "eventproperties",
            "ecommerce",
            "customdata",
            "payload",
            "data",
            "eventdata",
            "details",
            "attributes",
            "metadata",
        ],
    ),
    (Wanted::Aside(Aside::Parameters), Place::Anywhere, &["eventparams"]),
    (Wanted::Aside(Aside::Product), Place::Event, &["product", "item"]),
];

/// The names of all types.
pub(crate) const TYPES: [(EventKind, &[&str]); 10] = [
    (
        EventKind::View,
        &[
            "pagevisit",
            "pageview",
            "view",
            "viewitem",
            "productview",
            "productviewed",
            "clicks",
            "page",
            "pageviewed",
            "viewedpage",
            "viewpage",
            "loadedapage",
            "pageload",
            "viewproduct",
            "viewedproduct",
            "itemview",
            "itemviewed",
            "viewcontent",
            "detailpageview",
            "productdetailview",
            "viewdetail",
            "pv",
        ],
    ),
    (
        EventKind::CartAdd,
        &[
            "addtocart",
            "cart",
            "carts",
            "productadded",
            "addedtocart",
            "addcart",
            "addedproduct",
            "productaddedtocart",
            "cartadd",
        ],
    ),
    (
        EventKind::Removal,
        &["removefromcart", "productremoved", "removedproduct", "productremovedfromcart"],
    ),
    (
        EventKind::Checkout,
        &[
            "begincheckout",
            "checkoutstarted",
            "initiatecheckout",
            "checkoutstart",
            "startcheckout",
            "startedcheckout",
            "checkoutinitiated",
            "initiatedcheckout",
        ],
    ),
    (
        EventKind::Purchase,
        &[
            "purchase",
            "transaction",
            "order",
            "orders",
            "ordercompleted",
            "purchased",
            "purchasecompleted",
            "purchasecomplete",
            "productpurchased",
            "itempurchased",
            "buy",
            "completedorder",
            "orderplaced",
            "placedorder",
            "placeanorder",
            "completepayment",
            "tracktransaction",
            "checkoutcompleted",
        ],
    ),
    (EventKind::Refund, &["refund", "orderrefunded", "refundedorder"]),
    (EventKind::Order(OrderEvent::Created), &["ordercreatedevent", "ordercreated"]),
    (
        EventKind::Order(OrderEvent::StatusChanged),
        &["orderstatuschangedevent", "orderstatuschanged", "orderstatusupdated"],
    ),
    (EventKind::Order(OrderEvent::Cancelled), &["ordercancelledevent"]),
    (
        EventKind::Other,
        &[
            "addpaymentinfo",
            "addshippinginfo",
            "addtowishlist",
            "click",
            "filedownload",
            "firstvisit",
            "formstart",
            "formsubmit",
            "generatelead",
            "login",
            "scroll",
            "search",
            "selectcontent",
            "selectitem",
            "selectpromotion",
            "sessionstart",
            "share",
            "signup",
            "userengagement",
            "videocomplete",
            "videoprogress",
            "videostart",
            "viewcart",
            "viewitemlist",
            "viewpromotion",
            "viewsearchresults",
            "alias",
            "group",
            "identify",
            "screen",
            "cartshared",
            "cartviewed",
            "checkoutstepcompleted",
            "checkoutstepviewed",
            "couponapplied",
            "coupondenied",
            "couponentered",
            "couponremoved",
            "ordercancelled",
            "orderupdated",
            "paymentinfoentered",
            "productaddedtowishlist",
            "productclicked",
            "productlistfiltered",
            "productlistviewed",
            "productremovedfromwishlist",
            "productreviewed",
            "productshared",
            "productssearched",
            "promotionclicked",
            "promotionviewed",
            "checkout",
            "screenview",
            "firstopen",
            "pageping",
            "orderedproduct",
            "productclick",
            "viewbasket",
            "cartview",
            "checkoutstep",
            "productimpression",
            "listview",
            "listclick",
            "promoview",
            "promoclick",
            "checkoutscreate",
            "applicationopened",
            "pageleave",
            "autocapture",
            "categoryview",
            "sessionend",
            "impression",
        ],
    ),
];

/// The letters and digits of a name, in lower case; `None` if there are more than
/// [`NAME_BYTES_MAX`], or others than those of ASCII.
#[inline]
pub(crate) fn normalize<'a>(
    name: &[u8],
    letters: &'a mut [u8; NAME_BYTES_MAX],
) -> Option<&'a [u8]> {
    let mut length = 0;
    for byte in name {
        if byte.is_ascii_alphanumeric() {
            *letters.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        } else if !byte.is_ascii() {
            return None;
        }
    }
    Some(&letters[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the page's tables with as many cells.
    fn rows(cells: usize) -> Vec<Vec<&'static str>> {
        let page = include_str!("../../../../docs/VOCABULARY.md");
        let row = |line: &'static str| line.strip_prefix("| ")?.strip_suffix(" |");
        let rows = page.lines().filter_map(row).map(|row| row.split(" | ").collect::<Vec<_>>());
        rows.filter(|row| row.len() == cells && row[cells - 1].starts_with('`')).collect()
    }

    fn normalized(cell: &str) -> Vec<String> {
        let names = cell.split('`').skip(1).step_by(2);
        let letters = |name: &str| {
            let mut letters = [0; NAME_BYTES_MAX];
            let letters = normalize(name.as_bytes(), &mut letters).expect("ASCII, and short");
            String::from_utf8(letters.to_vec()).expect("ASCII")
        };
        names.map(letters).collect()
    }

    #[test]
    fn the_page_has_the_names_of_all_fields_in_their_order() {
        let rows = rows(3);
        assert_eq!(rows.len(), FIELDS.len());
        for (row, (wanted, place, names)) in rows.iter().zip(FIELDS) {
            let field = match wanted {
                Wanted::Field(field) => field.name(),
                Wanted::Aside(Aside::PageLocation) => "page_location",
                Wanted::Aside(Aside::Name) => "name",
                Wanted::Aside(Aside::Properties) => "properties",
                Wanted::Aside(Aside::Parameters) => "event_params",
                Wanted::Aside(Aside::Product) => "product",
            };
            let place = match place {
                Place::Anywhere => "anywhere",
                Place::Event => "events",
                Place::Item => "items",
            };
            assert_eq!((row[0].trim_matches('`'), row[1]), (field, place));
            assert_eq!(normalized(row[2]), names, "{field}");
        }
    }

    #[test]
    fn the_page_has_the_names_of_all_types() {
        let rows = rows(2);
        assert_eq!(rows.len(), TYPES.len());
        for (row, (kind, names)) in rows.iter().zip(TYPES) {
            let label = match kind {
                EventKind::View => "view",
                EventKind::CartAdd => "cart add",
                EventKind::Removal => "removal",
                EventKind::Checkout => "checkout",
                EventKind::Purchase => "purchase",
                EventKind::Refund => "refund",
                EventKind::Order(OrderEvent::Created) => "order created",
                EventKind::Order(OrderEvent::StatusChanged) => "order status changed",
                EventKind::Order(OrderEvent::Cancelled) => "order cancelled",
                EventKind::Other => "ignored",
            };
            assert_eq!(row[0], label);
            assert_eq!(normalized(row[1]), names, "{label}");
        }
    }
}
