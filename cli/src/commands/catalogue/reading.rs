//! Reads items from CSV files, JSON Lines and arrays of JSON.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use minutebook_domain::catalogue::{CatalogueItem, Slot};
use minutebook_domain::event::line::KEY_BYTES_MAX;
use serde_json::{Map, Value};

use crate::commands::catalogue::columns::{Member, member_of, plain};

/// The longest name, category, brand or price, in characters: what a page shows in one line.
const CHARACTERS_MAX: usize = 200;

/// The longest URL of a picture, in bytes.
const URL_BYTES_MAX: usize = 1_024;

/// The largest file, in bytes: 100,000 items with all of their columns have less.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// What was read.
#[derive(Debug)]
pub(super) struct Reading {
    /// The column that has the ids; `None` is the one with the best name.
    id_column: Option<String>,
    pub(super) items: Slot,
    /// The items that cannot be read, and why.
    pub(super) problems: Vec<Problem>,
}

/// An item that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The file and the line, or the number of the item.
    pub(super) place: String,
    pub(super) reason: String,
}

/// The fields of an item: their names and their texts.
type Fields<'a> = Vec<(&'a str, String)>;

impl Reading {
    pub(super) fn new(id_column: Option<String>) -> Reading {
        let id_column = id_column.map(|column| plain(&column));
        Reading { id_column, items: Slot::new(), problems: Vec::new() }
    }

    /// Reads a file, or standard input if it is `-`.
    ///
    /// # Errors
    /// The file cannot be read, is no text, or has no ids.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let read = match name.as_str() {
            "-" => std::io::stdin().lock().take(FILE_BYTES_MAX).read_to_end(&mut bytes),
            _ => std::fs::File::open(path)
                .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)),
        };
        read.with_context(|| format!("cannot read {name}"))?;
        let text = String::from_utf8(bytes);
        let text = text.with_context(|| format!("{name} is not UTF-8 text"))?;
        self.read(&name, &text).with_context(|| format!("cannot read {name}"))
    }

    fn read(&mut self, file: &str, text: &str) -> Result<()> {
        let text = text.trim_start_matches('\u{feff}');
        match text.trim_start().chars().next() {
            None => bail!("it is empty"),
            Some('[') => {
                let items: Vec<Value> = serde_json::from_str(text).context("it is no array")?;
                for (number, item) in (1..).zip(items) {
                    self.read_json(format!("{file}: item {number}"), item);
                }
                Ok(())
            }
            Some('{') => {
                for (number, line) in (1..).zip(text.lines()) {
                    let place = format!("{file}:{number}");
                    match serde_json::from_str(line) {
                        _ if line.trim().is_empty() => {}
                        Ok(item) => self.read_json(place, item),
                        Err(error) => {
                            self.problems
                                .push(Problem { place, reason: format!("no JSON: {error}") });
                        }
                    }
                }
                Ok(())
            }
            Some(_) => self.read_csv(file, text),
        }
    }

    fn read_csv(&mut self, file: &str, text: &str) -> Result<()> {
        let header = text.lines().next().unwrap_or_default();
        let count = |separator: &u8| header.bytes().filter(|byte| byte == separator).count();
        let separator = [b',', b';', b'\t'].into_iter().max_by_key(count).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.flexible(true).delimiter(separator);
        let mut reader = reader.from_reader(text.as_bytes());
        let columns = reader.headers().context("cannot read the header")?.clone();
        let columns: Vec<String> = columns.iter().map(|name| name.trim().to_owned()).collect();
        if !columns.iter().any(|column| self.is_id(column)) {
            bail!(
                "the header {:?} has no column of ids: name one item_id, or give --id-column",
                columns.join(",")
            );
        }
        for record in reader.records() {
            let record = record.context("cannot read a record")?;
            let line = record.position().map_or(0, csv::Position::line);
            let fields = columns.iter().map(String::as_str).zip(record.iter().map(str::to_owned));
            self.add(format!("{file}:{line}"), fields.collect());
        }
        Ok(())
    }

    fn read_json(&mut self, place: String, item: Value) {
        match json_fields(&item) {
            Ok(fields) => self.add(place, fields),
            Err(reason) => self.problems.push(Problem { place, reason }),
        }
    }

    fn is_id(&self, column: &str) -> bool {
        match &self.id_column {
            Some(name) => plain(column) == *name,
            None => matches!(member_of(column), Some((Member::Id, _))),
        }
    }

    /// Adds an item. What several lines say about one, as those of its variants, comes together.
    fn add(&mut self, place: String, fields: Fields<'_>) {
        match self.item(&fields) {
            Ok((id, item)) => {
                let known = self.items.entry(id).or_default();
                let CatalogueItem { name, category, brand, price, image_url } = item;
                for (known, new) in [
                    (&mut known.name, name),
                    (&mut known.category, category),
                    (&mut known.brand, brand),
                    (&mut known.price, price),
                    (&mut known.image_url, image_url),
                ] {
                    if new.is_some() {
                        *known = new;
                    }
                }
            }
            Err(reason) => self.problems.push(Problem { place, reason }),
        }
    }

    fn item(&self, fields: &Fields<'_>) -> Result<(Box<str>, CatalogueItem), String> {
        let best = |wanted: Member| {
            let named = fields.iter().filter(|(_, text)| !text.trim().is_empty());
            let ranked = named.filter_map(|(column, text)| match (wanted, &self.id_column) {
                (Member::Id, Some(name)) => (plain(column) == *name).then_some((0, text)),
                _ => {
                    let (member, rank) = member_of(column)?;
                    (member == wanted).then_some((rank, text))
                }
            });
            ranked.min_by_key(|(rank, _)| *rank).map(|(_, text)| text.trim())
        };
        let id = best(Member::Id).ok_or("it has no id")?;
        if id.len() > KEY_BYTES_MAX {
            return Err(format!("its id has {} bytes; ids have at most {KEY_BYTES_MAX}", id.len()));
        }
        let text = |member, what: &str| match best(member) {
            Some(text) if text.chars().count() > CHARACTERS_MAX => Err(format!(
                "its {what} has {} characters; expected at most {CHARACTERS_MAX}",
                text.chars().count()
            )),
            text => Ok(text.map(Box::from)),
        };
        let item = CatalogueItem {
            name: text(Member::Name, "name")?,
            category: text(Member::Category, "category")?,
            brand: text(Member::Brand, "brand")?,
            price: text(Member::Price, "price")?,
            image_url: image_url(best(Member::ImageUrl))?,
        };
        Ok((id.into(), item))
    }
}

/// The URL of a picture: the first, if there are several.
fn image_url(text: Option<&str>) -> Result<Option<Box<str>>, String> {
    let url = text.and_then(|text| text.split([',', ' ']).find(|url| !url.is_empty()));
    match url {
        Some(url) if url.len() > URL_BYTES_MAX => {
            Err(format!("its image has {} bytes; expected at most {URL_BYTES_MAX}", url.len()))
        }
        Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
            Err(format!("its image is {url:?}; expected a URL with https:// or http://"))
        }
        url => Ok(url.map(Box::from)),
    }
}

fn json_fields(item: &Value) -> Result<Fields<'_>, String> {
    let Value::Object(members) = item else { return Err("it is no JSON object".to_owned()) };
    fields_of(members).collect()
}

fn fields_of(members: &Map<String, Value>) -> impl Iterator<Item = Result<(&str, String), String>> {
    // What a catalogue does not have may be anything.
    let known = members.iter();
    known.filter_map(|(name, value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ if member_of(name).is_none() => return None,
            _ => return Some(Err(format!("its {name} is {value}; expected a text or a number"))),
        };
        Some(Ok((name.as_str(), text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id_column: Option<&str>, text: &str) -> (Vec<String>, Vec<String>) {
        let mut reading = Reading::new(id_column.map(str::to_owned));
        if let Err(error) = reading.read("f", text) {
            return (Vec::new(), vec![format!("{error:#}")]);
        }
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
        let item = |id: &str, item: &CatalogueItem| {
            let members = item.members().map(|(_, member)| text(member));
            format!("{id}: {}", members.join(" | "))
        };
        let problem = |Problem { place, reason }: &Problem| format!("{place}: {reason}");
        let items: Vec<String> = reading.items.iter().map(|(id, it)| item(id, it)).collect();
        (items, reading.problems.iter().map(problem).collect())
    }

    fn items(text: &str) -> Vec<String> {
        let (items, problems) = read(None, text);
        assert_eq!(problems, [""; 0]);
        items
    }

    #[test]
    fn a_table_of_a_shop_is_read() {
        let csv = "item_id,name,category,brand,price,image_url\r\n\
                   7,\"Oat mug, large\",Mugs,Haver,19.90,https://s.example/7.jpg\r\n\
                   sku 2, Ladle ,,,,\r\n";
        let expected = [
            "7: Oat mug, large | Mugs | Haver | 19.90 | https://s.example/7.jpg",
            "sku 2: Ladle | - | - | - | -",
        ];
        assert_eq!(items(csv), expected);
        assert_eq!(
            items(&format!("\u{feff}{}", csv.replace(',', ";").replace("mug;", "mug,")))[1..],
            expected[1..]
        );
    }

    #[test]
    fn exports_of_shopify_woocommerce_and_google_are_read() {
        let shopify = "Handle,Title,Vendor,Type,Variant SKU,Variant Price,Image Src\n\
                       oat-mug,Oat mug,Haver,Mugs,M-1,19.90,https://s.example/7.jpg\n\
                       oat-mug,,,,M-2,21.90,\n";
        let mug = "Oat mug | Mugs | Haver";
        assert_eq!(
            items(shopify),
            [
                format!("M-1: {mug} | 19.90 | https://s.example/7.jpg"),
                "M-2: - | - | - | 21.90 | -".to_owned(),
            ]
        );
        let (by_handle, _) = read(Some("handle"), shopify);
        assert_eq!(by_handle, [format!("oat-mug: {mug} | 21.90 | https://s.example/7.jpg")]);
        let woocommerce = "ID,Type,SKU,Name,Categories,Regular price,Images,Brands\n\
                           44,simple,M-1,Oat mug,Mugs,19.9,\"https://a/1.jpg, https://a/2.jpg\",Haver\n";
        assert_eq!(items(woocommerce), ["44: Oat mug | Mugs | Haver | 19.9 | https://a/1.jpg"]);
        let (by_sku, _) = read(Some("SKU"), woocommerce);
        assert!(by_sku[0].starts_with("M-1: "), "{by_sku:?}");
        let google = "id\ttitle\tproduct_type\tbrand\tprice\timage_link\n\
                      7\tOat mug\tMugs\tHaver\t19.90 EUR\thttps://s.example/7.jpg\n";
        assert_eq!(items(google), [format!("7: {mug} | 19.90 EUR | https://s.example/7.jpg")]);
    }

    #[test]
    fn json_lines_and_arrays_are_read() {
        let lines = concat!(
            r#"{"item_id":7,"item_name":"Oat mug","price":19.90,"tags":["a"],"brand":null}"#,
            "\n\n",
            r#"{"sku":"a","title":"B"}"#,
        );
        let expected = ["7: Oat mug | - | - | 19.9 | -", "a: B | - | - | - | -"];
        assert_eq!(items(lines), expected);
        let array = format!("[{}]", lines.replace("\n\n", ","));
        assert_eq!(items(&array), expected);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_costs_only_itself() {
        let long = "x".repeat(201);
        let text = format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            r#"{"id":1,"name":["a"]}"#,
            r#"{"name":"a"}"#,
            "{",
            format_args!(r#"{{"id":2,"name":"{long}"}}"#),
            r#"{"id":3,"image":"javascript:alert(1)"}"#,
            format_args!(r#"{{"id":"{}"}}"#, "x".repeat(257)),
            r#"{"id":4}"#,
        );
        let (items, problems) = read(None, &text);
        assert_eq!(items, ["4: - | - | - | - | -"]);
        let expected = [
            "f:1: its name is [\"a\"]; expected a text or a number",
            "f:2: it has no id",
            "f:3: no JSON: EOF",
            "f:4: its name has 201 characters; expected at most 200",
            "f:5: its image is \"javascript:alert(1)\"; expected a URL",
            "f:6: its id has 257 bytes",
        ];
        assert_eq!(problems.len(), expected.len());
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
        }
        for (text, expected) in [
            ("", "it is empty"),
            ("name,brand\na,b\n", "no column of ids"),
            ("[1,", "it is no array"),
        ] {
            assert!(read(None, text).1[0].contains(expected), "{text}");
        }
    }
}
