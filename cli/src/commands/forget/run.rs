//! Forgets a person: looks for everything about them, says what there is, asks, and does it.
//!
//! Each step can be stopped and done again. Orders go first, then objects one after another; the
//! rows that say who is forgotten are there from before the first step until after the last.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_s3::primitives::ByteStream;
use minutebook_domain::chunk::forget::Person;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::VisitorSecret;

use crate::commands::forget::arguments::ForgetArgs;
use crate::commands::forget::journal::Journal;
use crate::commands::forget::ledger::Successor;
use crate::commands::forget::objects::{Change, Objects};
use crate::commands::forget::orders::OrderRows;
use crate::commands::forget::plan::Plan;
use crate::commands::forget::rejected;
use crate::commands::forget::replacement::{Key, Replacement};
use crate::commands::forget::site::Removal;
use crate::rows::sites::settings;
use crate::rows::visitor_secrets::{SECRETS_PARTITION, STATE_PARTITION};
use crate::rows::{self, TableRow, VisitorState};
use crate::stack::context::Context;
use crate::stack::objects::Object;
use crate::stack::versions::{self, Stored};
use crate::terminal::escape;
use crate::terminal::progress;

/// How often objects are searched, as long as more ids of the person turn up.
const SEARCHES_MAX: u32 = 10;

pub(crate) async fn run(args: ForgetArgs, context: &Context) -> Result<()> {
    let mut forget = Forget::new(&args, context).await?;
    if args.everything {
        return forget.remove_site(&args).await;
    }
    let mut plan = forget.look().await?;
    plan.dry_run = args.dry_run;
    if args.dry_run || plan.is_empty() {
        forget.end_if_done(&plan).await?;
        print(&plan, args.json, plan.is_empty() && !args.dry_run);
        return Ok(());
    }
    if !args.yes {
        ask(&plan.text(false))?;
    }
    forget.write(&mut plan).await?;
    print(&plan, args.json, true);
    match plan.failed.len() {
        0 => Ok(()),
        failed => bail!("{failed} objects could not be written anew: run it again, it continues"),
    }
}

/// Says what is to be done, and asks whether to do it.
fn ask(plan: &str) -> Result<()> {
    eprint!("{plan}Do this for good? Type yes: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    ensure!(answer.trim() == "yes", "nothing was changed");
    Ok(())
}

fn print(plan: &Plan, as_json: bool, is_done: bool) {
    if as_json {
        println!("{}", escape::json(&plan.json().to_string()));
    } else {
        print!("{}", plan.text(is_done));
    }
}

struct Forget {
    objects: Objects,
    bucket: String,
    rejected_bucket: String,
    person: Person,
    order_rows: OrderRows,
    raw: BTreeMap<String, Stored>,
    rejected: BTreeMap<String, Stored>,
    /// The versions with something about the person.
    about: BTreeMap<(String, Option<String>), u64>,
}

impl Forget {
    async fn new(args: &ForgetArgs, context: &Context) -> Result<Self> {
        let endpoints = context.endpoints().await?;
        let (dynamodb, table) = (context.dynamodb().await?, endpoints.table()?.to_owned());
        let mut person = Person {
            site: args.site.clone(),
            customer: args.customer.clone().filter(|customer| !customer.is_empty()),
            ..Person::default()
        };
        person.related.orders.extend(args.orders.iter().filter(|it| !it.is_empty()).cloned());
        ensure!(
            args.everything || person.customer.is_some() || !person.related.orders.is_empty(),
            "the id is empty"
        );
        let currency = Currency::parse(endpoints.default_currency().as_bytes());
        Ok(Self {
            objects: Objects {
                s3: context.s3().await?,
                secret: secret(&dynamodb, &table).await?,
                revisions: Arc::new(settings::all(&dynamodb, &table).await?),
                default_currency: currency.context("the default currency is none")?,
                default_time_zone: endpoints
                    .default_time_zone()
                    .parse()
                    .map_err(|_| anyhow::anyhow!("the default time zone is none"))?,
                dynamodb,
                table,
            },
            bucket: endpoints.bucket()?.to_owned(),
            rejected_bucket: endpoints.rejected_bucket()?.to_owned(),
            person,
            order_rows: OrderRows::default(),
            raw: BTreeMap::new(),
            rejected: BTreeMap::new(),
            about: BTreeMap::new(),
        })
    }

    /// Removes the whole site.
    async fn remove_site(&self, args: &ForgetArgs) -> Result<()> {
        let removal = Removal {
            objects: &self.objects,
            bucket: &self.bucket,
            rejected_bucket: &self.rejected_bucket,
            site: &args.site,
        };
        let contents = removal.look().await?;
        let say = |is_done| match args.json {
            true => println!("{}", escape::json(&contents.json().to_string())),
            false => print!("{}", contents.text(&args.site, is_done)),
        };
        if args.dry_run || contents.is_empty() {
            say(!args.dry_run);
            return Ok(());
        }
        contents.check()?;
        if !args.yes {
            ask(&contents.text(&args.site, false))?;
        }
        removal.write(&contents).await?;
        say(true);
        Ok(())
    }

    /// Looks for everything about the person. Nothing is changed.
    async fn look(&mut self) -> Result<Plan> {
        let Objects { s3, dynamodb, table, .. } = &self.objects;
        let journal = Journal { client: dynamodb, table };
        let is_continued = journal.read(&mut self.person).await?;
        self.order_rows = OrderRows::read(dynamodb, table, &self.person).await?;
        self.person.related.orders.extend(self.order_rows.of_customer.iter().cloned());
        let step = progress::bar("listing", 0);
        self.raw = versions::list(s3, &self.bucket, "").await?;
        self.rejected = versions::list(s3, &self.rejected_bucket, "").await?;
        step.finish_and_clear();
        let listed: Vec<Object> =
            self.raw.values().flat_map(|stored| stored.versions.clone()).collect();
        let mut unreadable = Vec::new();
        for _ in 0..SEARCHES_MAX {
            let searched = self.objects.search(&listed, &self.person).await?;
            (self.about, unreadable) = (searched.about, searched.unreadable);
            if !self.person.related.extend(searched.related) {
                break;
            }
        }
        let mut plan = Plan {
            is_continued,
            orders: self.order_rows.count(&self.person),
            sessions: self.person.related.sessions.len(),
            unreadable,
            ..Plan::default()
        };
        for object in &listed {
            if let Some(lines) = self.about.get(&(object.key.clone(), object.version.clone())) {
                plan.objects.push((object.name(), *lines));
            }
        }
        let of_rejected = self.rejected.values().flat_map(|stored| &stored.versions);
        let bar = progress::bar("searching rejected lines", 0);
        for object in of_rejected {
            if let Some((_, lines)) = rejected::masked(s3, object, &self.person).await? {
                plan.rejected.push((object.name(), lines));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(plan)
    }

    /// Does what the plan says, and adds to it what could not be done.
    async fn write(&self, plan: &mut Plan) -> Result<()> {
        let Objects { s3, dynamodb, table, secret, .. } = &self.objects;
        let journal = Journal { client: dynamodb, table };
        journal.write(&self.person).await?;
        self.order_rows.replace(dynamodb, table, &self.person, *secret).await?;
        let keys: Vec<&String> = self
            .raw
            .keys()
            .filter(|key| self.about.keys().any(|(about, _)| about == *key))
            .collect();
        let bar = progress::bar("writing", keys.len());
        for key in keys {
            if let Err(error) = self.write_key(&self.raw[key]).await {
                plan.failed.push((key.clone(), format!("{error:#}")));
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        for stored in self.rejected.values() {
            let mut replacements = Vec::new();
            for object in stored.versions.iter().rev() {
                if let Some((text, _)) = rejected::masked(s3, object, &self.person).await? {
                    let new = Some(ByteStream::from(text));
                    replacements.push(Replacement { old: object.clone(), new });
                }
            }
            let key = Key { client: s3, stored };
            key.delete_surplus(&key.put_all(replacements).await?).await?;
        }
        if plan.failed.is_empty() {
            journal.delete(&self.person).await?;
        }
        Ok(())
    }

    /// Writes the versions under a key anew that say something about the person.
    async fn write_key(&self, stored: &Stored) -> Result<()> {
        let Objects { s3, dynamodb, table, .. } = &self.objects;
        let mut replacements = Vec::new();
        let mut files = Vec::new();
        let is_about = |object: &&Object| {
            self.about.contains_key(&(object.key.clone(), object.version.clone()))
        };
        for object in stored.versions.iter().rev().filter(is_about) {
            let new = match self.objects.change(object, &self.person).await? {
                Change::Nothing => continue,
                Change::Delete => None,
                Change::Replace(file) => {
                    let body = ByteStream::from_path(file.path()).await;
                    files.push(file);
                    Some(body.context("cannot read a temporary file")?)
                }
            };
            replacements.push(Replacement { old: object.clone(), new });
        }
        let Some(first) = replacements.first().map(|replacement| replacement.old.clone()) else {
            return Ok(());
        };
        let key = Key { client: s3, stored };
        let placed = key.put_all(replacements).await?;
        for moved in &placed.moved {
            if let (Some(old), Some(new)) = (&moved.old, &moved.new) {
                let place = (first.bucket.as_str(), first.key.as_str());
                Successor::move_version(dynamodb, table, place, (old, new)).await?;
            }
        }
        key.delete_surplus(&placed).await
    }

    /// Removes what a run that was killed has noted, if it had nothing left to do but that.
    async fn end_if_done(&self, plan: &Plan) -> Result<()> {
        if plan.is_empty() && !plan.dry_run {
            let Objects { dynamodb, table, .. } = &self.objects;
            Journal { client: dynamodb, table }.delete(&self.person).await?;
        }
        Ok(())
    }
}

/// The secret that visitors are counted with.
async fn secret(client: &aws_sdk_dynamodb::Client, table: &str) -> Result<VisitorSecret> {
    let mut state = VisitorState::default();
    let mut secrets = BTreeMap::new();
    for partition in [STATE_PARTITION, SECRETS_PARTITION] {
        for item in rows::partition(client, table, partition).await? {
            match rows::read(&item, &mut Vec::new()) {
                Some(TableRow::VisitorState(found)) => state = found,
                Some(TableRow::VisitorSecret(found)) => {
                    secrets.insert(found.number, found.seed);
                }
                _ => {}
            }
        }
    }
    if state.also.is_some() || state.clearing.is_some() {
        bail!("visitors are being recounted: run it again when `minutebook recount` has ended");
    }
    let seed = secrets.get(&state.counting).with_context(|| {
        "this deployment counts visitors without a secret, so that anybody could find out whose the \
         stand-ins are: run `minutebook recount visitors` first"
    })?;
    Ok(VisitorSecret::new(*seed))
}
