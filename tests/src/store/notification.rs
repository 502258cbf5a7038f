//! The events that S3 and SQS send to a function.

use serde_json::{Value, json};

/// An SQS event with one message for each list of S3 records.
pub fn sqs_event(messages: &[Vec<Value>]) -> Value {
    let bodies: Vec<String> =
        messages.iter().map(|records| json!({"Records": records}).to_string()).collect();
    sqs_event_of_bodies(&bodies)
}

/// An SQS event with one message, `m<n>`, for each body.
pub fn sqs_event_of_bodies(bodies: &[String]) -> Value {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| {
            json!({
                "messageId": format!("m{number}"),
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({"Records": records})
}

/// The notification record of a created object.
pub(super) fn announcement(
    bucket: &str,
    key: &str,
    size: usize,
    etag: &str,
    version_id: Option<&str>,
) -> Value {
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-20T23:07:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": format!("arn:aws:s3:::{bucket}")},
            "object": {
                "key": form_encoded(key), "size": size, "eTag": etag.trim_matches('"'), "versionId": version_id,
                "sequencer": "0055AED6DCD90281E5",
            },
        },
    })
}

/// Encodes a key as S3 does in notifications.
fn form_encoded(key: &str) -> String {
    let mut encoded = String::new();
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'*' => {
                encoded.push(char::from(byte))
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Decodes a key from a notification.
///
/// # Errors
/// The encoding is invalid, or the decoded key is not UTF-8.
pub(super) fn form_decoded(encoded: &str) -> anyhow::Result<String> {
    let mut decoded = vec![];
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(Option::unwrap_or_default);
                u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?
            }
            other => other,
        });
    }
    Ok(String::from_utf8(decoded)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_as_it_was_encoded() {
        let key = "2026/my events+1=ä*\u{1}\n.jsonl";
        assert_eq!(form_decoded(&form_encoded(key)).unwrap(), key);
        for broken in ["%", "%4", "%zz", "%FF"] {
            assert!(form_decoded(broken).is_err(), "{broken}");
        }
    }
}
