//! `minutebook sites`: lists the sites, and shows and changes what they set.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde_json::{Value, json};

use crate::commands::clock;
use crate::rows::sites::registry;
use crate::rows::sites::settings::{
    self, ALLOWED_ORIGINS, CURRENCY, DISPLAY_NAME, QUARTERS_FROM, RAW_RETENTION_DAYS,
    RETENTION_DAYS, Revision, SiteSettings, TIME_ZONE,
};
use crate::rows::{SiteRow, partition};
use crate::stack::aws::explain;
use crate::stack::context::Context;
use crate::terminal::escape;
use crate::terminal::table::Table;

/// The longest site id; see docs/EVENTS.md. The command shares no code with what counts, so that it
/// has the rule itself.
const SITE_BYTES_MAX: usize = 64;

/// The longest display name, in characters.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 100;

/// The partition of the totals, which are there once anything was counted.
const TOTALS: &str = "TOTALS";

/// How often a revision is put again whose number somebody else took.
const ATTEMPTS_MAX: u32 = 10;

/// How many zones are suggested for one that does not exist.
const SUGGESTIONS_MAX: usize = 3;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SitesArgs {
    #[command(subcommand)]
    command: SitesCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum SitesCommand {
    /// Lists all sites with events or settings
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows a site
    Show {
        /// The site
        site: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Changes what a site sets; this applies to chunks that are begun afterwards
    Set(SetArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct SetArgs {
    /// The site
    site: String,
    /// Its name for people
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Zone of its times that name none, and of its days: an IANA name, as Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = time_zone)]
    time_zone: Option<Tz>,
    /// Currency of its money that names none: three letters, as EUR
    #[arg(long, value_name = "CODE", value_parser = currency)]
    currency: Option<String>,
    /// Origin whose pages may call the API for it, such as `https://shop.example`; may be repeated,
    /// and replaces those before
    #[arg(long = "allowed-origin", value_name = "ORIGIN", value_parser = origin)]
    allowed_origins: Vec<String>,
    /// Days for which objects with its raw events are kept, counted from when they were put: 30, 90,
    /// 180, 365 or 730. It is for objects that are counted from now on
    #[arg(long, value_name = "DAYS", value_parser = retention_days)]
    raw_retention_days: Option<u32>,
    /// Setting to remove, so that the deployment's default counts; may be repeated
    #[arg(long, value_name = "SETTING", value_parser = [
        DISPLAY_NAME, TIME_ZONE, CURRENCY, ALLOWED_ORIGINS, RAW_RETENTION_DAYS
    ])]
    unset: Vec<String>,
}

pub(crate) async fn run(args: SitesArgs, context: &Context) -> Result<()> {
    let endpoints = context.endpoints().await?;
    let sites = Sites { client: context.dynamodb().await?, table: endpoints.table()?.to_owned() };
    match args.command {
        SitesCommand::List { json } => print(&sites.all().await?, json),
        SitesCommand::Show { site, json } => {
            check_site(&site)?;
            let mut all = sites.all().await?;
            let Some(found) = all.remove(&site) else {
                bail!("{site} has no events and no settings: `minutebook sites list`");
            };
            print(&BTreeMap::from([(site, found)]), json)
        }
        SitesCommand::Set(args) => {
            check_site(&args.site)?;
            sites.set(&args).await
        }
    }
}

/// What is known about a site.
#[derive(Default)]
struct Site {
    row: Option<SiteRow>,
    revision: Option<Revision>,
}

struct Sites {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Sites {
    async fn all(&self) -> Result<BTreeMap<String, Site>> {
        let rows = registry::all(&self.client, &self.table).await?;
        let revisions = settings::all(&self.client, &self.table).await?;
        let mut sites: BTreeMap<String, Site> = BTreeMap::new();
        for row in rows {
            let site = sites.entry(row.site.clone()).or_default();
            site.row = Some(row);
        }
        for (site, revision) in settings::as_of(&revisions, u32::MAX) {
            sites.entry(site.to_owned()).or_default().revision = Some(revision.clone());
        }
        Ok(sites)
    }

    /// Adds a revision, on the condition that its number is free: who is slower reads again.
    async fn set(&self, args: &SetArgs) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let revisions = settings::all(&self.client, &self.table).await?;
            let newest = settings::as_of(&revisions, u32::MAX);
            let newest = newest.get(args.site.as_str());
            let before = newest.map(|revision| revision.settings.clone()).unwrap_or_default();
            let after = args.applied_to(before.clone())?;
            // A zone that was set before there were quarters decides about them once it is set again.
            let has_quarters = newest.is_none_or(|revision| revision.quarters_from.is_some());
            if after == before && (has_quarters || after.time_zone.is_none()) {
                println!("{} sets this already", args.site);
                return Ok(());
            }
            let number = revisions.last().map_or(0, |revision| revision.number) + 1;
            let is_new = self.has_never_counted(&args.site).await?;
            let quarters_from =
                if is_new { DateTime::UNIX_EPOCH } else { quarters_from(clock::now()) };
            if self.put(number, &args.site, &after, quarters_from, is_new).await? {
                println!("revision {number}: {}", described(&args.site, &after));
                return Ok(());
            }
        }
        bail!("others change settings at the same time; try again")
    }

    /// Whether nothing of a site was ever counted, so that its zone may decide about the past, too.
    async fn has_never_counted(&self, site: &str) -> Result<bool> {
        let registry = registry::whole(&self.client, &self.table).await?;
        let is_known = match registry {
            Some(registry) => registry.is_complete,
            // The first chunk of a deployment makes the registry.
            None => partition(&self.client, &self.table, TOTALS).await?.is_empty(),
        };
        Ok(is_known && !registry::has(&self.client, &self.table, site).await?)
    }

    /// Puts a revision; `false` if there is one of this number, or if something of a new site has
    /// been counted meanwhile.
    async fn put(
        &self,
        number: u32,
        site: &str,
        settings: &SiteSettings,
        quarters_from: DateTime<Utc>,
        is_new: bool,
    ) -> Result<bool> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let SiteSettings { display_name, time_zone, currency, allowed_origins, raw_retention_days } =
            settings;
        let mut put = Put::builder()
            .table_name(&self.table)
            .item("pk", text(settings::PARTITION))
            .item("sk", text(&settings::revision_name(number)))
            .item("site", text(site))
            .item("set_at", text(&clock::rfc3339(clock::now())))
            .item(QUARTERS_FROM, text(&quarters_from.format("%Y-%m-%dT%H").to_string()))
            .condition_expression("attribute_not_exists(pk)");
        let time_zone = time_zone.map(|zone| zone.name().to_owned());
        for (name, value) in
            [(DISPLAY_NAME, display_name), (TIME_ZONE, &time_zone), (CURRENCY, currency)]
        {
            if let Some(value) = value {
                put = put.item(name, text(value));
            }
        }
        if !allowed_origins.is_empty() {
            let origins = allowed_origins.iter().cloned().collect();
            put = put.item(ALLOWED_ORIGINS, AttributeValue::Ss(origins));
        }
        if let Some(days) = raw_retention_days {
            put = put.item(RAW_RETENTION_DAYS, AttributeValue::N(days.to_string()));
        }
        let mut actions = vec![TransactWriteItem::builder().put(put.build()?).build()];
        if is_new {
            let check = ConditionCheck::builder()
                .table_name(&self.table)
                .key("pk", text(&registry::partition_of(site)))
                .key("sk", text(site))
                .condition_expression("attribute_not_exists(pk)");
            actions.push(TransactWriteItem::builder().condition_check(check.build()?).build());
        }
        let send = self.client.transact_write_items().set_transact_items(Some(actions)).send();
        match send.await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("TransactionCanceledException") => Ok(false),
            Err(error) => Err(explain("cannot write the settings", error)),
        }
    }
}

/// The first hour about whose quarters a zone decides that is set now. It begins at least two hours
/// later: whoever adds to the sums of an hour has begun after that, or read the settings after that.
fn quarters_from(now: DateTime<Utc>) -> DateTime<Utc> {
    let hours = (now + TimeDelta::hours(2)).timestamp().div_euclid(3_600) + 1;
    DateTime::from_timestamp(hours * 3_600, 0).unwrap_or(now)
}

impl SetArgs {
    fn applied_to(&self, mut settings: SiteSettings) -> Result<SiteSettings> {
        for name in &self.unset {
            match name.as_str() {
                DISPLAY_NAME => settings.display_name = None,
                TIME_ZONE => settings.time_zone = None,
                CURRENCY => settings.currency = None,
                RAW_RETENTION_DAYS => settings.raw_retention_days = None,
                _ => settings.allowed_origins.clear(),
            }
        }
        if let Some(name) = &self.display_name {
            let characters = name.chars().count();
            let is_printable = !name.chars().any(char::is_control);
            ensure!(
                is_printable && (1..=DISPLAY_NAME_CHARACTERS_MAX).contains(&characters),
                "the display name has {characters} characters; expected 1 to \
                 {DISPLAY_NAME_CHARACTERS_MAX}, none of them a control character"
            );
            settings.display_name = Some(name.clone());
        }
        settings.time_zone = self.time_zone.or(settings.time_zone);
        settings.currency = self.currency.clone().or(settings.currency);
        settings.raw_retention_days = self.raw_retention_days.or(settings.raw_retention_days);
        if !self.allowed_origins.is_empty() {
            settings.allowed_origins = self.allowed_origins.iter().cloned().collect();
        }
        let names_nothing = self.unset.is_empty()
            && self.display_name.is_none()
            && self.time_zone.is_none()
            && self.currency.is_none()
            && self.raw_retention_days.is_none()
            && self.allowed_origins.is_empty();
        ensure!(!names_nothing, "nothing to set: `minutebook sites set --help`");
        Ok(settings)
    }
}

/// Refuses what cannot be the id of a site.
pub(crate) fn check_site(site: &str) -> Result<()> {
    let is_site = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    ensure!(
        !site.is_empty() && site.len() <= SITE_BYTES_MAX && site.bytes().all(is_site),
        "{site:?} is not a site id: expected 1 to {SITE_BYTES_MAX} of A-Z a-z 0-9 . _ : -"
    );
    Ok(())
}

fn print(sites: &BTreeMap<String, Site>, as_json: bool) -> Result<()> {
    if as_json {
        let lines: Vec<Value> = sites.iter().map(|(site, known)| known.json(site)).collect();
        println!("{}", escape::json(&serde_json::to_string_pretty(&lines)?));
        return Ok(());
    }
    let headings = ["site", "name", "zone", "currency", "first day", "last day", "revision"];
    let mut lines = Table::new(&headings, &[6]);
    for (site, known) in sites {
        let settings = known.revision.as_ref().map(|revision| revision.settings.clone());
        let SiteSettings { display_name, time_zone, currency, .. } = settings.unwrap_or_default();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        lines.add_row([
            site.clone(),
            or_dash(display_name),
            or_dash(time_zone.map(|zone| zone.name().to_owned())),
            or_dash(currency),
            or_dash(known.first_day()),
            or_dash(known.last_day()),
            or_dash(known.revision.as_ref().map(|revision| revision.number.to_string())),
        ]);
    }
    print!("{}", lines.text());
    Ok(())
}

impl Site {
    /// `None` if it has no events, or may have some from before there was a registry.
    fn first_day(&self) -> Option<String> {
        let day = self.row.as_ref()?.first_day;
        (day != chrono::NaiveDate::default()).then(|| day.to_string())
    }

    fn last_day(&self) -> Option<String> {
        self.row.as_ref().map(|row| row.last_day.to_string())
    }

    fn json(&self, site: &str) -> Value {
        let settings = self.revision.as_ref().map(|revision| revision.settings.clone());
        let SiteSettings { display_name, time_zone, currency, allowed_origins, raw_retention_days } =
            settings.unwrap_or_default();
        json!({
            "site_id": site,
            "display_name": display_name,
            "time_zone": time_zone.map(|zone| zone.name()),
            "currency": currency,
            "allowed_origins": allowed_origins,
            "raw_retention_days": raw_retention_days,
            "first_day": self.first_day(),
            "last_day": self.last_day(),
            "number": self.row.as_ref().map(|row| row.number),
            "settings_revision": self.revision.as_ref().map_or(0, |revision| revision.number),
        })
    }
}

fn described(site: &str, settings: &SiteSettings) -> String {
    let SiteSettings { display_name, time_zone, currency, allowed_origins, raw_retention_days } =
        settings;
    let mut set = Vec::new();
    set.extend(display_name.as_ref().map(|name| format!("{DISPLAY_NAME} {name}")));
    set.extend(time_zone.map(|zone| format!("{TIME_ZONE} {zone}")));
    set.extend(currency.as_ref().map(|code| format!("{CURRENCY} {code}")));
    set.extend(allowed_origins.iter().map(|origin| format!("{ALLOWED_ORIGINS} {origin}")));
    set.extend(raw_retention_days.map(|days| format!("{RAW_RETENTION_DAYS} {days}")));
    let set = if set.is_empty() { "nothing".to_owned() } else { set.join(", ") };
    escape::shown(&format!("{site} sets {set}")).into_owned()
}

fn time_zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        let asked = name.to_ascii_lowercase().replace(' ', "_");
        let is_like = |zone: &&str| {
            let known = zone.to_ascii_lowercase();
            !asked.is_empty() && (known.contains(&asked) || asked.contains(&known))
        };
        let names = TZ_VARIANTS.iter().map(|zone| zone.name());
        let like: Vec<&str> = names.filter(is_like).take(SUGGESTIONS_MAX).collect();
        let like = match &like[..] {
            [] => String::new(),
            like => format!("; did you mean {}?", like.join(" or ")),
        };
        format!("expected an IANA name, as UTC or Europe/Berlin{like}")
    })
}

fn currency(code: &str) -> Result<String, String> {
    let capitals = code.to_ascii_uppercase();
    match settings::is_currency(&capitals) {
        true => Ok(capitals),
        false => Err("expected three letters A to Z, as EUR".to_owned()),
    }
}

fn retention_days(text: &str) -> Result<u32, String> {
    let days = text.parse().ok().filter(|days| RETENTION_DAYS.contains(days));
    days.ok_or_else(|| "expected 30, 90, 180, 365 or 730: the template has a rule for each".into())
}

fn origin(text: &str) -> Result<String, String> {
    let origin = text.to_ascii_lowercase();
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let is_origin = host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_host_byte));
    match is_origin {
        true => Ok(origin),
        false => {
            Err("expected a scheme, a host and perhaps a port, as https://shop.example".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_zone_is_refused_with_those_that_are_like_it() {
        assert_eq!(time_zone("Asia/Kolkata"), Ok(Tz::Asia__Kolkata));
        let refused = |name| time_zone(name).expect_err("it does not exist");
        assert!(
            refused("berlin").ends_with("did you mean Europe/Berlin?"),
            "{}",
            refused("berlin")
        );
        assert!(refused("new york").contains("America/New_York"), "{}", refused("new york"));
        assert_eq!(refused("Mars/Olympus"), "expected an IANA name, as UTC or Europe/Berlin");
    }

    #[test]
    fn a_zone_decides_about_quarters_from_an_hour_two_hours_later() {
        for (now, expected) in [
            ("2026-11-20T23:00:00Z", "2026-11-21T02:00:00Z"),
            ("2026-11-20T23:59:59Z", "2026-11-21T02:00:00Z"),
        ] {
            let [now, expected] = [now, expected].map(|text| text.parse().expect("a time"));
            assert_eq!(quarters_from(now), expected);
        }
    }

    #[test]
    fn sites_have_their_bounds() {
        let long = "a".repeat(SITE_BYTES_MAX + 1);
        for text in ["", "a b", "*", "ä", long.as_str()] {
            assert!(check_site(text).is_err(), "{text}");
        }
        for text in ["Shop-1.de_x:y", &long[1..]] {
            assert!(check_site(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn currencies_and_origins_are_checked() {
        assert_eq!(currency("eur").as_deref(), Ok("EUR"));
        for code in ["", "EU", "EURO", "E1R", "äöü"] {
            assert!(currency(code).is_err(), "{code}");
        }
        assert_eq!(origin("https://Shop.example:8443").as_deref(), Ok("https://shop.example:8443"));
        assert_eq!(retention_days("90"), Ok(90));
        for text in ["", "0", "31", "90d"] {
            assert!(retention_days(text).is_err(), "{text}");
        }
        for text in ["", "*", "shop.example", "https://", "https://shop.example/path", "ftp://a"] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_named_stays_and_what_is_unset_goes() {
        let before = SiteSettings {
            time_zone: Some(Tz::Asia__Kolkata),
            currency: Some("INR".to_owned()),
            ..SiteSettings::default()
        };
        let args = SetArgs {
            site: "shop".to_owned(),
            display_name: Some("The shop".to_owned()),
            time_zone: None,
            currency: None,
            allowed_origins: vec![],
            raw_retention_days: Some(90),
            unset: vec![CURRENCY.to_owned()],
        };
        let after = args.applied_to(before.clone()).expect("right");
        let name = Some("The shop".to_owned());
        let expected = SiteSettings {
            display_name: name,
            currency: None,
            raw_retention_days: Some(90),
            ..before
        };
        assert_eq!(after, expected);
        assert_eq!(
            described("shop", &after),
            "shop sets display_name The shop, time_zone Asia/Kolkata, raw_retention_days 90"
        );
        let nothing =
            SetArgs { display_name: None, raw_retention_days: None, unset: vec![], ..args.clone() };
        assert!(nothing.applied_to(SiteSettings::default()).is_err());
        let long = SetArgs { display_name: Some("x".repeat(101)), ..args };
        assert!(long.applied_to(SiteSettings::default()).is_err());
    }
}
