//! Objects with DynamoDB's typed values.

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::value::RawValue;

/// Its members, as they are written.
type Members<'a> = std::collections::BTreeMap<String, &'a RawValue>;

/// An object whose members are typed values; what is no object stays as it is.
pub(crate) fn object(json: &str, random: &mut StdRng) -> String {
    let Ok(members) = serde_json::from_str::<Members<'_>>(json) else { return json.to_owned() };
    let mut typed = Vec::new();
    for (name, value) in members {
        let name = serde_json::Value::from(name);
        typed.push(format!("{name}:{}", value_of(value.get(), random)));
    }
    format!("{{{}}}", typed.join(","))
}

fn value_of(json: &str, random: &mut StdRng) -> String {
    if random.random_bool(0.01) {
        let odd = ["{\"S\":5}", "{\"N\":\"x\"}", "{\"M\":1}", "{\"L\":{}}", "{\"X\":\"a\"}", "{}"];
        return odd[random.random_range(0..odd.len())].to_owned();
    }
    match json.as_bytes() {
        [b'{', ..] => format!("{{\"M\":{}}}", object(json, random)),
        [b'[', ..] => {
            let elements: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
            let are_texts = elements.iter().all(|element| element.get().starts_with('"'));
            if are_texts && random.random_bool(0.5) {
                return format!("{{\"SS\":{json}}}");
            }
            let mut typed = Vec::new();
            for element in elements {
                typed.push(value_of(element.get(), random));
            }
            format!("{{\"L\":[{}]}}", typed.join(","))
        }
        [b'"', ..] => format!("{{\"S\":{json}}}"),
        b"null" => "{\"NULL\":true}".to_owned(),
        b"true" | b"false" => format!("{{\"BOOL\":{json}}}"),
        number if number.len() < 3 && random.random_bool(0.05) => format!("{{\"N\":{json}}}"),
        _ => format!("{{\"N\":\"{json}\"}}"),
    }
}
