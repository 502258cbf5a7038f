//! `minutebook up`: starts the local stack, or updates it.

use anyhow::Result;

use crate::commands::{keys, status, watch};
use crate::stack::context::Context;
use crate::stack::local::{LocalArgs, bring_up};

#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
    /// Run the functions under `cargo lambda watch`, which rebuilds an edited function at its next
    /// call; Ctrl-C stops everything
    #[arg(long, conflicts_with_all = ["no_build", "release"])]
    pub(crate) watch: bool,
    /// Require keys for questions and posts, as on AWS, and make an admin key
    #[arg(long)]
    pub(crate) require_keys: bool,
    /// Take JSON Web Tokens of this issuer beside keys, an https URL or one on loopback
    #[arg(long, value_name = "URL", requires = "jwt_audience")]
    pub(crate) jwt_issuer: Option<String>,
    /// The audiences of the issuer's tokens, separated by commas
    #[arg(long, value_name = "AUDIENCES", requires = "jwt_issuer")]
    pub(crate) jwt_audience: Option<String>,
    /// The claim of the issuer's tokens with their sites
    #[arg(long, value_name = "CLAIM", default_value = "minutebook_sites")]
    pub(crate) jwt_sites_claim: String,
    /// How many sites are counted, 0 for all; by default 1000, as on AWS
    #[arg(long, value_name = "SITES")]
    pub(crate) sites_max: Option<u32>,
}

pub(crate) async fn run(args: UpArgs, context: &Context) -> Result<()> {
    let root = context.root()?;
    let mut parameters = context.parameters();
    if args.require_keys {
        let names = ["RequireReadKeys", "RequireWriteKeys"];
        parameters.extend(names.map(|name| (name.to_owned(), "true".to_owned())));
    }
    if let (Some(issuer), Some(audience)) = (args.jwt_issuer, args.jwt_audience) {
        let jwt = [
            ("JwtIssuer", issuer),
            ("JwtAudience", audience),
            ("JwtSitesClaim", args.jwt_sites_claim),
        ];
        parameters.extend(jwt.map(|(name, value)| (name.to_owned(), value)));
    }
    parameters.extend(args.sites_max.map(|sites| ("SitesMax".to_owned(), sites.to_string())));
    if args.watch {
        return watch::run(&root, &args.local, parameters).await;
    }
    let stack =
        keys::with_admin_key(bring_up(&root, &args.local, parameters).await?, &root).await?;
    status::print(&Context::of_stack(stack)).await?;
    eprintln!("\nnext: `cargo mb put FILE`, `cargo mb top views`, `cargo mb down`");
    Ok(())
}
