//! `minutebook catalogue`: what a shop says about its items.

mod columns;
mod reading;

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use minutebook_domain::catalogue::{CatalogueItem, Slot};
use serde_json::{Map, Value, json};

use crate::commands::catalogue::reading::{Problem, Reading};
use crate::commands::sites::check_site;
use crate::stack::context::Context;
use crate::stack::table::catalogues::Catalogue;
use crate::terminal::escape::{self, shown};
use crate::terminal::table::Table;

/// How many lines that cannot be read are named.
const PROBLEMS_SHOWN: usize = 10;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CatalogueArgs {
    #[command(subcommand)]
    command: CatalogueCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum CatalogueCommand {
    /// Adds the items of files, and replaces those that are known
    Put(PutArgs),
    /// Lists items
    List {
        #[command(flatten)]
        of: Of,
        /// How many items to list
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
        /// Print all items as JSON, one a line
        #[arg(long)]
        json: bool,
    },
    /// Shows an item
    Show {
        /// Its id
        item: String,
        #[command(flatten)]
        of: Of,
    },
    /// Removes items
    Remove {
        /// Their ids
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        items: Vec<String>,
        /// Remove all items
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        of: Of,
    },
}

/// Whose catalogue.
#[derive(Clone, Debug, clap::Args)]
struct Of {
    /// The site
    #[arg(long, default_value = "default")]
    site: String,
}

#[derive(Clone, Debug, clap::Args)]
struct PutArgs {
    /// CSV files with a header, JSON Lines, or files with one array of JSON; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
    /// Column that has the ids that events have [default: the first of item_id, id, product_id, sku
    /// and their like]
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// Put the items that can be read even if others cannot
    #[arg(long)]
    allow_rejected: bool,
}

pub(crate) async fn run(args: CatalogueArgs, context: &Context) -> Result<()> {
    let (CatalogueCommand::Put(PutArgs { of, .. })
    | CatalogueCommand::List { of, .. }
    | CatalogueCommand::Show { of, .. }
    | CatalogueCommand::Remove { of, .. }) = &args.command;
    check_site(&of.site)?;
    let endpoints = context.endpoints().await?;
    let table = endpoints.table()?.to_owned();
    let catalogue = Catalogue { client: context.dynamodb().await?, table, site: &of.site };
    match &args.command {
        CatalogueCommand::Put(args) => put(&catalogue, args).await,
        CatalogueCommand::List { limit, json, .. } => {
            list(&catalogue.items().await?, *limit, *json);
            Ok(())
        }
        CatalogueCommand::Show { item, .. } => {
            let items = catalogue.items().await?;
            let Some(found) = items.get(item.as_str()) else {
                bail!("the catalogue of {} has no item {item:?}", catalogue.site);
            };
            let line = serde_json::to_string_pretty(&line(item, found))?;
            println!("{}", escape::json(&line));
            Ok(())
        }
        CatalogueCommand::Remove { items, all, .. } => remove(&catalogue, items, *all).await,
    }
}

async fn put(catalogue: &Catalogue<'_>, args: &PutArgs) -> Result<()> {
    let mut reading = Reading::new(args.id_column.clone());
    for file in &args.files {
        reading.read_file(file)?;
    }
    let Reading { items, problems, .. } = reading;
    eprint!("{}", problems_text(&problems));
    ensure!(
        problems.is_empty() || args.allow_rejected,
        "{} of {} items cannot be read; nothing was put (--allow-rejected puts the others)",
        problems.len(),
        problems.len() + items.len()
    );
    let changed = catalogue
        .change(|stored| {
            stored.extend(items.clone());
            Ok(())
        })
        .await?;
    println!(
        "{} items put; the catalogue of {} has {} (answers show it within 30 seconds)",
        items.len(),
        catalogue.site,
        changed.after
    );
    Ok(())
}

async fn remove(catalogue: &Catalogue<'_>, items: &[String], all: bool) -> Result<()> {
    let changed = catalogue
        .change(|stored| {
            if all {
                stored.clear();
            }
            for item in items {
                ensure!(stored.remove(item.as_str()).is_some(), "there is no item {item:?}");
            }
            Ok(())
        })
        .await?;
    let (removed, left) = (changed.before - changed.after, changed.after);
    println!("{removed} items removed; the catalogue of {} has {left}", catalogue.site);
    Ok(())
}

fn list(items: &Slot, limit: usize, as_json: bool) {
    if as_json {
        for (id, item) in items {
            println!("{}", escape::json(&line(id, item).to_string()));
        }
        return;
    }
    let mut table = Table::new(&["item", "name", "category", "brand", "price"], &[4]);
    for (id, item) in items.iter().take(limit) {
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        let CatalogueItem { name, category, brand, price, .. } = item;
        table.add_row([id.to_string(), text(name), text(category), text(brand), text(price)]);
    }
    print!("{}", table.text());
    if items.len() > limit {
        println!("… {} more: --limit, or --json", items.len() - limit);
    }
}

fn line(id: &str, item: &CatalogueItem) -> Value {
    let mut line = Map::from_iter([("item_id".to_owned(), json!(id))]);
    let members = item.members().into_iter();
    line.extend(
        members.filter_map(|(name, member)| Some((name.to_owned(), json!(member.as_deref()?)))),
    );
    line.into()
}

fn problems_text(problems: &[Problem]) -> String {
    let mut text = String::new();
    for Problem { place, reason } in problems.iter().take(PROBLEMS_SHOWN) {
        text.push_str(&format!("rejected: {}: {}\n", shown(place), shown(reason)));
    }
    if problems.len() > PROBLEMS_SHOWN {
        text.push_str(&format!("… and {} more\n", problems.len() - PROBLEMS_SHOWN));
    }
    text
}
