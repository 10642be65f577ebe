//! Credentials of a role in another account, assumed when needed and renewed before they expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use tokio::sync::Mutex;

use super::error::{failed, incomplete};
use crate::{AssumedRole, Error};

/// Names the session in the CloudTrail of the account that owns the role.
const SESSION_NAME: &str = "tandem";
/// Longer than any operation, so that no credentials expire on the way.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// A role and the credentials it gave last. A clone is the same role.
///
/// The SDK's own cache asks for credentials when the first request is signed. Here they are wanted before anything is
/// changed, so this is the cache and the SDK's is off.
/// A session lasts one hour, because the function's own credentials are a role's already (role chaining).
#[derive(Clone, Debug)]
pub(super) struct Role {
    client: aws_sdk_sts::Client,
    role: AssumedRole,
    held: Arc<Mutex<Option<Credentials>>>,
}

impl Role {
    /// Assumes nothing yet. The request will go to STS in the function's own Region, with its own credentials.
    pub(super) fn new(config: &SdkConfig, role: &AssumedRole) -> Self {
        Self { client: aws_sdk_sts::Client::new(config), role: role.clone(), held: Arc::default() }
    }

    /// Fresh credentials; of concurrent callers one asks and the others wait for it.
    pub(super) async fn credentials(&self) -> Result<Credentials, Error> {
        let mut held = self.held.lock().await;
        let usable_until = self.client.config().time_source().unwrap_or_default().now() + RENEW_BEFORE;
        if let Some(fresh) = held.as_ref().filter(|held| held.expiry().is_some_and(|at| at > usable_until)) {
            return Ok(fresh.clone());
        }
        Ok(held.insert(self.assume().await?).clone())
    }

    async fn assume(&self) -> Result<Credentials, Error> {
        let answer = self
            .client
            .assume_role()
            .role_arn(&self.role.arn)
            .set_external_id(self.role.external_id.clone())
            .role_session_name(SESSION_NAME)
            .send()
            .await
            .map_err(failed("AssumeRole"))
            .map_err(|error| self.without_external_id(error))?;
        let given = answer.credentials.ok_or_else(|| incomplete("AssumeRole", "credentials"))?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            SystemTime::try_from(given.expiration).ok(),
            "AssumeRole",
        ))
    }

    /// STS quotes a malformed ExternalId in its message.
    fn without_external_id(&self, mut error: Error) -> Error {
        if let Some(external_id) = self.role.external_id.as_deref().filter(|id| !id.is_empty()) {
            error.message = error.message.replace(external_id, "…");
        }
        error
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials().await.map_err(CredentialsError::provider_error)
        })
    }
}
