//! `minutebook doctor`: says what is wrong with a stack, the most urgent first, and what mends it.

mod facts;
mod findings;

use anyhow::{Result, bail};
use serde_json::json;

use crate::stack::context::Context;
use crate::terminal::escape::{self, shown};

#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: DoctorArgs, context: &Context) -> Result<()> {
    let facts = facts::gather(context).await?;
    let findings = findings::of(&facts);
    if args.json {
        let line = |finding: &findings::Finding| {
            let findings::Finding { name, what, mend } = finding;
            json!({ "finding": name, "what": what, "mend": mend })
        };
        let lines: Vec<serde_json::Value> = findings.iter().map(line).collect();
        println!("{}", escape::json(&serde_json::to_string_pretty(&lines)?));
    } else {
        for (index, finding) in findings.iter().enumerate() {
            println!("{}. {}", index + 1, shown(&finding.what));
            println!("   {}", shown(&finding.mend));
        }
    }
    match findings.len() {
        0 => {
            if !args.json {
                println!("all is well");
            }
            Ok(())
        }
        1 => bail!("1 thing is wrong"),
        count => bail!("{count} things are wrong"),
    }
}
