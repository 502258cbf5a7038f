//! The read units of calls to DynamoDB, which the emulator does not bill.
//!
//! **Source**: a consistent read takes a unit for each started 4 KB of an item, or of a page of a
//! query, and at least one; an eventually consistent one takes half of that. The sizes here are
//! those of the attributes that come back, but DynamoDB bills whole items even for a projection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The size of a read unit.
const BLOCK_BYTES: usize = 4_096;

/// What a map, a list and a number take besides their contents.
const OVERHEAD_BYTES: usize = 3;

/// How many half read units a call takes; 0 if it reads nothing.
pub(super) fn half_units(operation: &str, request: &[u8], response: &[u8]) -> u64 {
    if !["GetItem", "Query", "Scan", "BatchGetItem"].contains(&operation) {
        return 0;
    }
    let [request, response] =
        [request, response].map(|body| serde_json::from_slice(body).unwrap_or(Value::Null));
    let items = |items: &Value| items.as_array().cloned().unwrap_or_default();
    match operation {
        "GetItem" => half_units_of(size_of(&response["Item"]), &request),
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().cloned().unwrap_or_default();
            let of_table = tables.iter().map(|(table, asked)| {
                let found = items(&response["Responses"][table]);
                let missing = items(&asked["Keys"]).len().saturating_sub(found.len());
                let sizes = found.iter().map(size_of).chain(std::iter::repeat_n(0, missing));
                sizes.map(|size| half_units_of(size, asked)).sum::<u64>()
            });
            of_table.sum()
        }
        // A page of a query or a scan.
        _ => {
            let sizes = items(&response["Items"]);
            half_units_of(sizes.iter().map(size_of).sum(), &request)
        }
    }
}

fn half_units_of(size_bytes: usize, request: &Value) -> u64 {
    let factor = if request["ConsistentRead"] == true { 2 } else { 1 };
    factor * size_bytes.div_ceil(BLOCK_BYTES).max(1) as u64
}

/// The size of an item: its names and values.
fn size_of(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes.map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|kinds| kinds.iter().next()) else {
        return 0;
    };
    let number = |number: &str| number.len().div_ceil(2) + 1;
    let binary = |text: &str| STANDARD.decode(text).map_or(text.len(), |bytes| bytes.len());
    let texts = |size: &dyn Fn(&str) -> usize| -> usize {
        let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(size).sum()
    };
    let text = value.as_str().unwrap_or_default();
    match kind.as_str() {
        "S" => text.len(),
        "N" => number(text),
        "B" => binary(text),
        "SS" => texts(&str::len),
        "NS" => texts(&number),
        "BS" => texts(&binary),
        "L" => {
            let elements = value.as_array().into_iter().flatten();
            OVERHEAD_BYTES + elements.map(|value| 1 + size_of_value(value)).sum::<usize>()
        }
        "M" => {
            let members = value.as_object().into_iter().flatten();
            let sizes = members.map(|(name, value)| 1 + name.len() + size_of_value(value));
            OVERHEAD_BYTES + sizes.sum::<usize>()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn units(operation: &str, request: Value, response: Value) -> u64 {
        half_units(operation, request.to_string().as_bytes(), response.to_string().as_bytes())
    }

    #[test]
    fn a_read_takes_what_it_found_in_blocks_and_at_least_one() {
        let item = |bytes: usize| json!({"pk": {"S": "x".repeat(bytes - 2)}});
        for (bytes, blocks) in [(10, 1), (4_096, 1), (4_097, 2)] {
            let found = json!({"Item": item(bytes)});
            assert_eq!(units("GetItem", json!({}), found.clone()), blocks, "{bytes}");
            assert_eq!(units("GetItem", json!({"ConsistentRead": true}), found), 2 * blocks);
        }
        assert_eq!(units("GetItem", json!({"ConsistentRead": true}), json!({})), 2);
        // A query adds up its items, and a batch does not.
        let items = json!([item(3_000), item(3_000)]);
        assert_eq!(units("Query", json!({}), json!({"Items": items})), 2);
        assert_eq!(units("Query", json!({}), json!({"Items": []})), 1);
        let keys = json!({"RequestItems": {"t": {"Keys": [{}, {}, {}], "ConsistentRead": true}}});
        assert_eq!(units("BatchGetItem", keys, json!({"Responses": {"t": items}})), 6);
        assert_eq!(units("PutItem", json!({}), json!({})), 0);
    }

    #[test]
    fn an_item_is_as_large_as_its_names_and_values() {
        let item = json!({
            "pk": {"S": "ä"}, "n": {"N": "-12.5"}, "b": {"B": "AAEC"}, "t": {"BOOL": true},
            "s": {"SS": ["ab", "c"]}, "m": {"M": {"a": {"N": "1"}}}, "l": {"L": [{"S": "xy"}]},
        });
        assert_eq!(size_of(&item), (2 + 2) + (1 + 4) + (1 + 3) + (1 + 1) + (1 + 3) + (1 + 7) + 7);
    }
}
