//! Every environment variable the function reads, beside those of Lambda and of the AWS SDK.

/// The function's settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `CLAIMS_PATH`: the path of the SSM parameters that record who owns which connection; `/tandem/claims` without it.
    pub(crate) claims_path: String,
    /// `NAT_INSTANCE_ID`: the instance that is the only way out and sleeps while nobody needs it; absent where there is
    /// another way out, or no VPC.
    pub(crate) nat_instance: Option<String>,
    /// `KINDS`: the resource types it serves, separated by commas; all there are without it.
    pub(crate) kinds: String,
    /// `DOMAINS`: the endpoints of the domains it calls, separated by commas; none without it.
    pub(crate) domains: String,
    /// `SECRETS`: the ARNs of the secrets it signs in with, separated by commas; none without it.
    pub(crate) secrets: String,
}

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub(crate) fn from_environment() -> Self {
        Self {
            claims_path: std::env::var("CLAIMS_PATH").unwrap_or_else(|_| "/tandem/claims".to_owned()),
            // A template that leaves it out may leave it empty.
            nat_instance: std::env::var("NAT_INSTANCE_ID").ok().filter(|id| !id.is_empty()),
            kinds: std::env::var("KINDS").unwrap_or_default(),
            domains: std::env::var("DOMAINS").unwrap_or_default(),
            secrets: std::env::var("SECRETS").unwrap_or_default(),
        }
    }
}
