//! `minutebook demo`: starts the local stack, uploads events, asks the three questions, verifies
//! the answers, and says where the dashboard is.

use std::path::Path;

use anyhow::{Context as _, Result};
use minutebook_domain::catalogue::{CatalogueItem, Slot};
use minutebook_local::STATE_FOLDER;
use minutebook_shop::Item;

use crate::commands::clock;
use crate::commands::generate::{self, GenerateArgs};
use crate::commands::put::{self, PutArgs};
use crate::commands::status;
use crate::commands::top::{self, Ranking, TopArgs};
use crate::commands::verify::{self, VerifyArgs};
use crate::stack::context::Context;
use crate::stack::local::{self, LocalArgs};
use crate::stack::table::catalogues::Catalogue;
use crate::terminal::escape;
use crate::terminal::progress::Step;

/// How many items the shop sells.
const ITEMS: u32 = 100;

/// How many items an answer lists.
const TOP_ITEMS: &str = "3";

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    local: LocalArgs,
    /// How many events to generate
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// How many files to distribute them over
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    chunks: u64,
    /// Seed of the events: the same seed gives the same customers and items
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Let events keep coming afterwards, so many a second [default: 10], until you press Ctrl-C
    #[arg(long, value_name = "EVENTS/S", num_args = 0..=1, default_missing_value = "10", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    live: Option<u32>,
}

pub(crate) async fn run(args: DemoArgs, context: &Context) -> Result<()> {
    let root = context.root()?;
    let stack = local::bring_up(&root, &args.local, context.parameters()).await?;
    // The flags and the environment may name another stack. The demo uses the one that it has just
    // started.
    let context = Context::of_stack(stack);

    let folder = root.join(STATE_FOLDER).join("demo");
    generate_events(&args, &folder, &context).await?;
    let step = Step::begin(format!("catalogue of {ITEMS} items put"));
    put_catalogue(args.seed, &context).await?;
    step.end();

    let step = Step::begin("events uploaded and counted");
    let report = put::put(upload(&folder), &context).await?;
    report.check()?;
    step.end();
    println!("\nThe ledger says:\n\n{}", put::report_text(&report));

    println!("The three answers:\n");
    let api_url = context.endpoints().await?.api_url()?.to_owned();
    for ranking in [Ranking::Views, Ranking::Carts, Ranking::Sales] {
        let answer = top::ask(question(ranking), &context).await?;
        println!(
            "$ curl '{api_url}/{}?limit={TOP_ITEMS}'\n{}\n",
            ranking.path(),
            escape::json(answer.trim_end())
        );
    }

    let step = Step::begin("raw files recounted and compared with the table");
    let proof = verify::verify(VerifyArgs::default(), &context).await?;
    step.end();
    print!("\n{}", proof.text());
    proof.check()?;
    println!("\nThe dashboard: {}", status::dashboard(&api_url));
    if let Some(rate) = args.live {
        keep_coming(&args, rate, &context).await?;
    }
    eprintln!(
        "\nthe stack stays up; next: `cargo mb open`, `cargo mb put FILE --wait`, `cargo mb down`"
    );
    Ok(())
}

/// Uploads events as they happen, until somebody presses Ctrl-C.
async fn keep_coming(args: &DemoArgs, rate: u32, context: &Context) -> Result<()> {
    eprintln!("\n{rate} events a second keep coming; Ctrl-C ends this, and the stack stays up");
    let generate = GenerateArgs {
        to_bucket: true,
        prefix: "demo/live/".to_owned(),
        events: None,
        chunks: None,
        rate: Some(f64::from(rate)),
        ..shop(args, String::new())
    };
    tokio::select! {
        ended = generate::run(generate, context) => ended,
        pressed = tokio::signal::ctrl_c() => pressed.context("cannot listen for Ctrl-C"),
    }
}

async fn generate_events(args: &DemoArgs, folder: &Path, context: &Context) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let step = Step::begin(format!("{} events generated (seed {})", args.events, args.seed));
    let out = folder.join("events.jsonl");
    generate::run(shop(args, out.to_string_lossy().into_owned()), context).await?;
    step.end();
    Ok(())
}

/// Says what the items of the shop are.
async fn put_catalogue(seed: u64, context: &Context) -> Result<()> {
    let table = context.endpoints().await?.table()?.to_owned();
    let catalogue = Catalogue { client: context.dynamodb().await?, table, site: "default" };
    let item = |id| {
        let Item { id, name, category, brand, price } = minutebook_shop::item(seed, id);
        let item = CatalogueItem {
            name: Some(name.into()),
            category: Some(category.into()),
            brand: Some(brand.into()),
            price: Some(price.into()),
            image_url: None,
        };
        (id.to_string().into_boxed_str(), item)
    };
    let items: Slot = (1..=ITEMS).map(item).collect();
    let changed = catalogue.change(|stored| {
        stored.extend(items.clone());
        Ok(())
    });
    changed.await.map(|_| ())
}

/// The events of the last hour, into this file.
fn shop(args: &DemoArgs, out: String) -> GenerateArgs {
    GenerateArgs {
        out,
        to_bucket: false,
        prefix: String::new(),
        events: Some(args.events),
        chunks: Some(args.chunks),
        rate: None,
        minutes: 60,
        end: clock::now(),
        seed: args.seed,
        items: ITEMS,
        sites: Vec::new(),
        event_ids: true,
        checkouts: true,
        refunds: true,
    }
}

fn upload(folder: &Path) -> PutArgs {
    PutArgs {
        files: vec![folder.to_string_lossy().into_owned()],
        prefix: "demo/".to_owned(),
        wait: true,
        timeout: 300,
        shift_to: None,
        anew: false,
        allow_rejected: false,
        json: false,
    }
}

fn question(what: Ranking) -> TopArgs {
    let limit = Some(TOP_ITEMS.to_owned());
    let (site_id, window, by, as_of, currency) = (None, None, None, None, None);
    TopArgs { what, site_id, window, by, limit, as_of, currency, json: true }
}
