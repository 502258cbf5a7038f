//! The flags of `deploy` and `destroy`. The stack and its region are flags of every command.

/// How long the smoke test may take: a new function starts, and a queue is polled.
const SMOKE_SECONDS_DEFAULT: u64 = 120;

#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// Parameter of the template, as DefaultCurrency=EUR; may be repeated. Those that are not given
    /// keep their values
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    pub(super) parameters: Vec<(String, String)>,
    /// Deploy the functions as they were last built
    #[arg(long)]
    pub(super) no_build: bool,
    /// Bucket for code and templates [default: minutebook-artifacts-ACCOUNT-REGION, made if
    /// there is none]
    #[arg(long, value_name = "NAME")]
    pub(super) artifact_bucket: Option<String>,
    /// How long the smoke test may take, in seconds
    #[arg(long, default_value_t = SMOKE_SECONDS_DEFAULT, value_name = "SECONDS")]
    pub(super) smoke_timeout: u64,
    /// Deploy without asking
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DestroyArgs {
    /// Delete without asking
    #[arg(long)]
    pub(super) yes: bool,
}

/// Reads `NAME=VALUE`.
fn parameter(text: &str) -> Result<(String, String), String> {
    let expected = "expected NAME=VALUE, as DefaultCurrency=EUR";
    let (name, value) = text.split_once('=').ok_or(expected)?;
    if name.is_empty() {
        return Err(expected.to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_cut_at_the_first_sign() {
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(parameter("JwtIssuer=https://a/?b=c"), pair("JwtIssuer", "https://a/?b=c"));
        assert_eq!(parameter("AlarmEmail="), pair("AlarmEmail", ""));
        assert!(parameter("AlarmEmail").is_err());
        assert!(parameter("=7").is_err());
    }
}
