//! Separating the records that the Kinesis Producer Library aggregated into one.
//!
//! **Source**:
//! <https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md>: four
//! magic bytes, a message of Protocol Buffers, and its MD5.

/// The first bytes of such a record. No JSON text and no UTF-8 begins like this.
const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// The length of the MD5 after the message.
const DIGEST_BYTES: usize = 16;

/// The field of the message that has the records, each a message of its own.
const RECORDS: u64 = 3;

/// The field of a record that has its data.
const DATA: u64 = 3;

/// The data of the records that are aggregated into this one; `None` if it is a record like any
/// other.
///
/// The digest is not checked: a record with the magic bytes and a whole message after them is in
/// this format, and Kinesis itself protects the bytes.
pub fn unpacked(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let packed = data.strip_prefix(&MAGIC)?;
    let message = packed.get(..packed.len().checked_sub(DIGEST_BYTES)?)?;
    let mut unpacked = vec![];
    for record in fields(message, RECORDS)? {
        let data = fields(record, DATA)?;
        // If a field occurs twice, the last one applies.
        unpacked.push(data.last()?.to_vec());
    }
    Some(unpacked)
}

/// The values of a field of bytes, in their order; `None` if this is no message.
fn fields(message: &[u8], wanted: u64) -> Option<Vec<&[u8]>> {
    let mut rest = message;
    let mut values = vec![];
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        match tag & 7 {
            0 => {
                varint(&mut rest)?;
            }
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (value, behind) = rest.split_at_checked(length)?;
                rest = behind;
                if tag >> 3 == wanted {
                    values.push(value);
                }
            }
            // Numbers of a fixed size are in none of these messages.
            _ => return None,
        }
    }
    Some(values)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len() & 0x7f).expect("seven bits") | 0x80;
        let longer = u8::try_from(value.len() >> 7).expect("short");
        [&[number << 3 | 2, length, longer], value].concat()
    }

    fn packed(records: &[&[u8]]) -> Vec<u8> {
        let mut message = field(1, b"customer-7");
        for data in records {
            // The index of the partition key, a number, stands before the data.
            message.extend(field(3, &[&[0x08, 0x00], &field(3, data)[..]].concat()));
        }
        [&MAGIC[..], &message, &[0; DIGEST_BYTES]].concat()
    }

    #[test]
    fn the_records_come_out_as_they_went_in() {
        let long = vec![b'x'; 1_000];
        for records in [&[][..], &[&b"{}"[..]], &[&b"{\"a\":\n1}"[..], b"", &long]] {
            assert_eq!(
                unpacked(&packed(records)).as_deref(),
                Some(&records.iter().map(|data| data.to_vec()).collect::<Vec<_>>()[..])
            );
        }
    }

    #[test]
    fn any_other_record_stays_as_it_is() {
        let whole = packed(&[b"{}", b"[]"]);
        let mut cut: Vec<&[u8]> = (0..whole.len()).map(|length| &whole[..length]).collect();
        cut.extend([&b"{}"[..], b"", &[0xff; 40]]);
        for data in cut {
            // A message that ends with a whole field is one, too.
            assert!(unpacked(data).is_none_or(|records| records.len() < 2), "{data:?}");
        }
        let mut wrong = whole.clone();
        wrong[4] = 1 << 3 | 5;
        assert_eq!(unpacked(&wrong), None);
        assert_eq!(unpacked(&[&MAGIC[..], &[0xff; 40]].concat()), None);
    }
}
