//! The arguments of `forget`.

#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("who").required(true).multiple(true))]
pub(crate) struct ForgetArgs {
    /// The site at which the person is known
    #[arg(long, value_name = "SITE")]
    pub(super) site: String,
    /// The id of the person, as `customer_id` in their events
    #[arg(long, value_name = "ID", group = "who")]
    pub(super) customer: Option<String>,
    /// An order: all of its events are forgotten, too; may be repeated
    #[arg(long = "order", value_name = "ID", group = "who")]
    pub(super) orders: Vec<String>,
    /// The whole site: its raw data, its orders, its keys, and all of its numbers
    #[arg(long, group = "who", conflicts_with_all = ["customer", "orders"])]
    pub(super) everything: bool,
    /// Change nothing, and print what would be changed
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}
