//! Every environment variable the function reads, beside those of Lambda and of the AWS SDK.

/// The function's settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `CLAIMS_PATH`: the path of the SSM parameters that record who owns which connection; `/tandem/claims` without it.
    pub(crate) claims_path: String,
}

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub(crate) fn from_environment() -> Self {
        Self { claims_path: std::env::var("CLAIMS_PATH").unwrap_or_else(|_| "/tandem/claims".to_owned()) }
    }
}
