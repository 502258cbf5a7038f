//! The names that exports of shops give to what a catalogue has.

/// Something that a catalogue has of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Id,
    Name,
    Category,
    Brand,
    Price,
    ImageUrl,
}

/// The names of each, the best first, without case, separators and spaces.
///
/// **Source**: the product exports of Shopify and WooCommerce, the product data of Google Merchant
/// Center, the catalogues of Meta, and the items of GA4 and Segment.
const NAMES: [(Member, &[&str]); 6] = [
    (
        Member::Id,
        &["itemid", "id", "productid", "sku", "variantsku", "itemnumber", "productsku", "handle"],
    ),
    (Member::Name, &["itemname", "name", "title", "productname", "producttitle"]),
    (
        Member::Category,
        &[
            "itemcategory",
            "category",
            "categories",
            "producttype",
            "productcategory",
            "type",
            "googleproductcategory",
        ],
    ),
    (Member::Brand, &["itembrand", "brand", "brands", "vendor", "brandname", "manufacturer"]),
    (Member::Price, &["price", "regularprice", "variantprice", "unitprice"]),
    (
        Member::ImageUrl,
        &["imageurl", "image", "imagelink", "imagesrc", "images", "picture", "thumbnail"],
    ),
];

/// What each column has, and how good its name is for that: 0 is best.
pub(super) fn member_of(column: &str) -> Option<(Member, usize)> {
    let name = plain(column);
    NAMES.iter().find_map(|(member, names)| {
        Some((*member, names.iter().position(|known| **known == name)?))
    })
}

/// A name without case, separators and spaces.
pub(super) fn plain(column: &str) -> String {
    column.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_however_they_are_spelled() {
        for (column, expected) in [
            ("item_id", Some((Member::Id, 0))),
            ("Variant SKU", Some((Member::Id, 4))),
            ("Title", Some((Member::Name, 2))),
            ("product_type", Some((Member::Category, 3))),
            ("Vendor", Some((Member::Brand, 3))),
            ("g:image_link", None),
            ("image link", Some((Member::ImageUrl, 2))),
            ("Regular price", Some((Member::Price, 1))),
            ("colour", None),
        ] {
            assert_eq!(member_of(column), expected, "{column}");
        }
    }
}
