//! How a slot is stored: a JSON object of its items by their ids, each an array of the members up to
//! the last that it has, compressed with zstd.

use serde_json::{Map, Value};

use super::{CatalogueItem, Slot};

/// The level of zstd: names are text, and a slot is written once and read often.
const LEVEL: i32 = 9;

/// The most bytes of an unpacked slot. The command writes slots of some 20 KB; a slot in which all
/// texts have their greatest length, with six bytes for each character, has less than this.
const UNPACKED_BYTES_MAX: usize = 8 << 20;

/// Bytes that are not a slot.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// zstd cannot pack or unpack them.
    #[error("zstd: {0}")]
    Compression(#[from] std::io::Error),
    /// They are not JSON.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// They are JSON of another shape.
    #[error("{0} is not an item")]
    Shape(String),
}

/// Encodes a slot.
///
/// # Errors
/// zstd fails, for want of memory.
pub fn pack(slot: &Slot) -> Result<Vec<u8>, CatalogueError> {
    let json: Map<String, Value> =
        slot.iter().map(|(id, item)| (id.to_string(), written(item))).collect();
    Ok(zstd::bulk::compress(&serde_json::to_vec(&json)?, LEVEL)?)
}

/// Reads a stored slot.
///
/// # Errors
/// The bytes are not a slot; a retry does not help.
pub fn unpack(bytes: &[u8]) -> Result<Slot, CatalogueError> {
    let json = zstd::bulk::decompress(bytes, UNPACKED_BYTES_MAX)?;
    let items: Map<String, Value> = serde_json::from_slice(&json)?;
    let item = |(id, value): (String, Value)| match read(&value) {
        Some(item) => Ok((id.into_boxed_str(), item)),
        None => Err(CatalogueError::Shape(format!("{id:?}: {value}"))),
    };
    items.into_iter().map(item).collect()
}

fn written(item: &CatalogueItem) -> Value {
    let members = item.members().map(|(_, member)| member.as_deref());
    let length = members.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    members.iter().take(length).map(|member| member.map(str::to_owned)).collect()
}

fn read(value: &Value) -> Option<CatalogueItem> {
    let mut members = value.as_array()?.iter();
    let mut next = || match members.next() {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.as_str().into())),
        Some(_) => None,
    };
    let item = CatalogueItem {
        name: next()?,
        category: next()?,
        brand: next()?,
        price: next()?,
        image_url: next()?,
    };
    members.next().is_none().then_some(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(members: [Option<&str>; 5]) -> CatalogueItem {
        let [name, category, brand, price, image_url] = members.map(|it| it.map(Box::from));
        CatalogueItem { name, category, brand, price, image_url }
    }

    #[test]
    fn a_slot_is_read_as_it_was_written() {
        let url = "https://shop.example/7.jpg";
        let slot = Slot::from([
            (
                "7".into(),
                item([Some("Oat mug"), Some("Mugs"), Some("Ha"), Some("19.90"), Some(url)]),
            ),
            ("sku \"2\"/ä".into(), item([None, None, Some("<b>\u{202e}\0"), None, None])),
            ("none".into(), CatalogueItem::default()),
        ]);
        let packed = pack(&slot).expect("memory");
        assert_eq!(unpack(&packed).expect("a slot"), slot);
        let json = zstd::bulk::decompress(&packed, 1_000).expect("zstd");
        let json: Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["7"], serde_json::json!(["Oat mug", "Mugs", "Ha", "19.90", url]));
        assert_eq!(json["none"], serde_json::json!([]));
        assert_eq!(unpack(&pack(&Slot::new()).expect("memory")).expect("a slot"), Slot::new());
    }

    #[test]
    fn other_bytes_are_errors() {
        let packed = |json: &str| zstd::bulk::compress(json.as_bytes(), 1).expect("memory");
        for (bytes, expected) in [
            (b"{}".to_vec(), "zstd"),
            (packed("[1]"), "not JSON"),
            (packed(r#"{"7":"name"}"#), "\"7\": \"name\" is not an item"),
            (packed(r#"{"7":[1]}"#), "\"7\": [1] is not an item"),
            (packed(r#"{"7":["a","b","c","d","e","f"]}"#), "is not an item"),
        ] {
            let error = unpack(&bytes).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
