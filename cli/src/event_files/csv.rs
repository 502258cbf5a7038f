//! Converts CSV files with a header to JSON Lines.
//!
//! Column names become member names, so any name of docs/VOCABULARY.md can be a column. The REES46 set
//! (`event_time,event_type,product_id,...`) and the RetailRocket set
//! (`timestamp,visitorid,event,itemid,transactionid`) work as they are.

use std::io::{Read, Write};

use anyhow::{Context as _, Result, bail};
use minutebook_oracle::is_event_field;

/// A file of events has a column for each of these fields.
const NEEDED: [&str; 2] = ["event_type", "timestamp"];

/// Fields that become JSON numbers even if they have a decimal point.
const AMOUNTS: [&str; 4] = ["price", "quantity", "total_amount", "order_total"];

/// Converts every record to a line. Empty fields are left out.
///
/// # Errors
/// The header has no column for the type or the time, or a record cannot be read or written.
pub(crate) fn convert(csv: impl Read, writer: &mut impl Write) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv);
    let header = reader.headers().context("cannot read the header")?.clone();
    let columns: Vec<String> =
        header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    for field in NEEDED {
        if !columns.iter().any(|column| is_event_field(field, column)) {
            bail!(
                "the header {:?} has no column for {field:?}: name it so, or by another of its \
                 names in docs/VOCABULARY.md",
                columns.join(","),
            );
        }
    }
    let is_amount: Vec<bool> = columns
        .iter()
        .map(|column| AMOUNTS.iter().any(|field| is_event_field(field, column)))
        .collect();
    for record in reader.records() {
        let record = record.context("cannot read a record")?;
        let mut line = String::from("{");
        for ((column, is_amount), field) in columns.iter().zip(&is_amount).zip(&record) {
            if field.is_empty() {
                continue;
            }
            if line.len() > 1 {
                line.push(',');
            }
            line.push_str(&serde_json::to_string(column)?);
            line.push(':');
            if is_number(field, *is_amount) {
                line.push_str(field);
            } else {
                line.push_str(&serde_json::to_string(field)?);
            }
        }
        line.push_str("}\n");
        writer.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Whether a field becomes a JSON number: an integer without leading zeros, so that ids stay as
/// they are, or an amount.
fn is_number(field: &str, is_amount: bool) -> bool {
    let (whole, decimals) = match field.split_once('.') {
        Some((whole, decimals)) if is_amount => (whole, decimals),
        Some(_) => return false,
        None => (field, "0"),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(decimals) && (whole == "0" || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(csv: &str) -> String {
        let mut bytes = Vec::new();
        convert(csv.as_bytes(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn rees46() {
        let csv = "\u{feff}event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\r\n\
            2019-10-01 00:00:00 UTC,purchase,44600062,2103807459595387724,,\"shi,seido\",35.79,541312140,72d76fde-8bb3\r\n";
        let expected = "{\"event_time\":\"2019-10-01 00:00:00 UTC\",\"event_type\":\"purchase\",\"product_id\":44600062,\
            \"category_id\":2103807459595387724,\"brand\":\"shi,seido\",\"price\":35.79,\"user_id\":541312140,\
            \"user_session\":\"72d76fde-8bb3\"}\n";
        assert_eq!(converted(csv), expected);
    }

    #[test]
    fn retailrocket() {
        let csv = "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n\
            1433222276276,599528,transaction,356475,4000\n";
        let expected = "{\"timestamp\":1433221332117,\"visitorid\":257597,\"event\":\"view\",\"itemid\":355908}\n\
            {\"timestamp\":1433222276276,\"visitorid\":599528,\"event\":\"transaction\",\"itemid\":356475,\
            \"transactionid\":4000}\n";
        assert_eq!(converted(csv), expected);
    }

    #[test]
    fn columns_are_known_by_what_they_say() {
        let csv =
            "ITEM_ID,USER_ID,EVENT_TYPE,TIMESTAMP,Unit Price\nb93b,11,Purchase,1795687320,1.50\n";
        let expected = "{\"ITEM_ID\":\"b93b\",\"USER_ID\":11,\"EVENT_TYPE\":\"Purchase\",\
            \"TIMESTAMP\":1795687320,\"Unit Price\":1.50}\n";
        assert_eq!(converted(csv), expected);
    }

    #[test]
    fn only_plain_integers_and_amounts_are_numbers() {
        let csv = "ts,type,sku,price,user_session\n1,view,007,1.50,1.5\n2,view,1e5,.5,0\n3,view,-1,01.5,12e4\n";
        let expected = "{\"ts\":1,\"type\":\"view\",\"sku\":\"007\",\"price\":1.50,\"user_session\":\"1.5\"}\n\
            {\"ts\":2,\"type\":\"view\",\"sku\":\"1e5\",\"price\":\".5\",\"user_session\":0}\n\
            {\"ts\":3,\"type\":\"view\",\"sku\":\"-1\",\"price\":\"01.5\",\"user_session\":\"12e4\"}\n";
        assert_eq!(converted(csv), expected);
    }

    #[test]
    fn a_file_without_types_or_times_is_refused() {
        let error = convert("a,b\n1,2\n".as_bytes(), &mut Vec::new()).unwrap_err();
        let expected = "the header \"a,b\" has no column for \"event_type\"";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
