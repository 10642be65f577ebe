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

/// Names the session in the audit trail of the account that owns the role.
const SESSION_NAME: &str = "tandem";
/// Longer than any operation, so that no credentials expire on the way.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// A role and the credentials it gave last. A clone is the same role.
///
/// The SDK's own cache asks for credentials when the first request is signed. Here they are wanted before anything is
/// changed, so this is the cache and the SDK's is off.
/// A session lasts one hour, because the function's own credentials are a role's already (role chaining).
#[derive(Clone, Debug)]
pub(super) struct Role {
    client: aws_sdk_sts::Client,
    wanted: AssumedRole,
    held: Arc<Mutex<Option<Credentials>>>,
}

impl Role {
    /// Assumes nothing yet. The request will go to STS in the function's own Region, with its own credentials.
    pub(super) fn new(config: &SdkConfig, role: &AssumedRole) -> Self {
        Self { client: aws_sdk_sts::Client::new(config), wanted: role.clone(), held: Arc::default() }
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
            .role_arn(&self.wanted.arn)
            .set_external_id(self.wanted.external_id.clone())
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
        if let Some(external_id) = self.wanted.external_id.as_deref().filter(|id| !id.is_empty()) {
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

#[cfg(test)]
mod tests {
    use aws_smithy_async::time::StaticTimeSource;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::DateTime;
    use aws_smithy_types::date_time::Format;
    use serde_json::json;

    use crate::sdk::Aws;
    use crate::sdk::replay::{
        Resets, answer, answers, assumed, aws, config, leader, lines, own, signers, texts, xml_refusal,
    };
    use crate::{Cloud, Code, Connections, Filter};

    const FAR: &str = "2099-01-01T00:00:00Z";
    const PAST: &str = "2001-01-01T00:00:00Z";

    fn none_listed() -> HttpResponse {
        answer(200, json!({ "Connections": [] }))
    }

    #[tokio::test]
    async fn opening_a_session_assumes_the_role_in_the_functions_own_region() {
        let http = answers([assumed("AKIDROLE", FAR)]);
        aws(http.clone()).connections(&leader(Some("stack-7"))).await.unwrap();
        assert_eq!(lines(&http), ["POST https://sts.us-west-2.amazonaws.com/"]);
        assert_eq!(signers(&http), ["AKIDOWN us-west-2 sts"]);
        assert_eq!(
            texts(&http),
            [
                "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Faccepter\
              &RoleSessionName=tandem&ExternalId=stack-7"
            ]
        );
    }

    #[tokio::test]
    async fn no_external_id_is_sent_where_there_is_none() {
        let http = answers([assumed("AKIDROLE", FAR)]);
        aws(http.clone()).connections(&leader(None)).await.unwrap();
        assert!(!texts(&http)[0].contains("ExternalId"));
    }

    #[tokio::test]
    async fn the_roles_credentials_sign_every_request_of_the_session_and_are_asked_for_once() {
        let http = answers([assumed("AKIDROLE", FAR), none_listed(), none_listed()]);
        let aws = aws(http.clone());
        for _ in 0..2 {
            let session = aws.connections(&leader(Some("stack-7"))).await.unwrap();
            session.inbound(Filter::Id("abcdefghij")).await.unwrap();
        }
        assert_eq!(
            signers(&http),
            ["AKIDOWN us-west-2 sts", "AKIDROLE us-east-1 es", "AKIDROLE us-east-1 es"]
        );
    }

    #[tokio::test]
    async fn credentials_are_renewed_with_five_minutes_left_and_not_earlier() {
        let noon = DateTime::from_str("2026-01-01T12:00:00Z", Format::DateTime).unwrap();
        let http = answers([
            assumed("AKIDFIRST", "2026-01-01T12:04:59Z"),
            assumed("AKIDSECOND", "2026-01-01T12:04:59Z"),
            none_listed(),
            assumed("AKIDTHIRD", "2026-01-01T12:05:01Z"),
            none_listed(),
            none_listed(),
        ]);
        let config = config(http.clone())
            .into_builder()
            .time_source(StaticTimeSource::new(noon.try_into().unwrap()))
            .build();
        let session = Aws::connect(&config, "/tandem/claims").connections(&leader(None)).await.unwrap();
        for _ in 0..3 {
            session.inbound(Filter::Id("abcdefghij")).await.unwrap();
        }
        assert_eq!(
            signers(&http),
            [
                "AKIDOWN us-west-2 sts",
                "AKIDOWN us-west-2 sts",
                "AKIDSECOND us-east-1 es",
                "AKIDOWN us-west-2 sts",
                "AKIDTHIRD us-east-1 es",
                "AKIDTHIRD us-east-1 es",
            ]
        );
    }

    #[tokio::test]
    async fn of_two_concurrent_openings_one_assumes_the_role() {
        let http = answers([assumed("AKIDROLE", FAR)]);
        let aws = aws(http.clone());
        let place = leader(None);
        let (one, other) = tokio::join!(aws.connections(&place), aws.connections(&place));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(lines(&http).len(), 1);
    }

    #[tokio::test]
    async fn another_external_id_is_another_session() {
        let http = answers([assumed("AKIDONE", FAR), assumed("AKIDOTHER", FAR), none_listed()]);
        let aws = aws(http.clone());
        aws.connections(&leader(Some("one"))).await.unwrap();
        let other = aws.connections(&leader(Some("other"))).await.unwrap();
        other.inbound(Filter::Id("abcdefghij")).await.unwrap();
        assert_eq!(signers(&http)[2], "AKIDOTHER us-east-1 es");
    }

    #[tokio::test]
    async fn a_role_that_cannot_be_assumed_fails_before_any_other_request() {
        let words = "User: arn:aws:sts::222222222222:assumed-role/provider is not authorized to perform: \
                     sts:AssumeRole on resource: arn:aws:iam::111111111111:role/accepter";
        let http = answers([xml_refusal(403, "AccessDenied", words), assumed("AKIDROLE", FAR)]);
        let aws = aws(http.clone());
        let error = aws.connections(&leader(Some("stack-7"))).await.unwrap_err();
        assert_eq!((error.operation, &error.code), ("AssumeRole", &Code::AccessDenied));
        assert_eq!(error.message, words);
        assert_eq!(error.request_id.as_deref(), Some("request-1"));
        assert_eq!(lines(&http).len(), 1);

        // The refusal is not remembered: a trust policy takes a moment to spread.
        aws.connections(&leader(Some("stack-7"))).await.unwrap();
    }

    #[tokio::test]
    async fn a_renewal_that_is_refused_is_reported_as_what_it_is() {
        let http = answers([assumed("AKIDFIRST", PAST), xml_refusal(403, "AccessDenied", "no more")]);
        let session = aws(http.clone()).connections(&leader(None)).await.unwrap();
        let error = session.inbound(Filter::Id("abcdefghij")).await.unwrap_err();
        assert_eq!(error.to_string(), "AssumeRole failed: AccessDenied: no more (AWS request id request-1)");
        assert_eq!(lines(&http).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_sts_that_cannot_be_reached_is_no_answer_and_not_a_refusal() {
        let network = Resets::default();
        let error = aws(network.clone()).connections(&leader(None)).await.unwrap_err();
        assert_eq!((error.operation, error.code), ("AssumeRole", Code::NoAnswer));
        assert_eq!(network.count(), 3);
    }

    #[tokio::test]
    async fn the_external_id_is_in_no_message_and_no_log() {
        let words =
            "1 validation error detected: Value 'stack 7' at 'externalId' failed to satisfy constraint";
        let http = answers([xml_refusal(400, "ValidationError", words)]);
        let aws = aws(http);
        let error = aws.connections(&leader(Some("stack 7"))).await.unwrap_err();
        assert_eq!(error.code, Code::Validation);
        assert_eq!(
            error.message,
            "1 validation error detected: Value '…' at 'externalId' failed to satisfy constraint"
        );
        assert!(!format!("{aws:?}").contains("stack 7"));
    }

    #[tokio::test]
    async fn credentials_are_in_no_log() {
        let http = answers([assumed("AKIDROLE", FAR)]);
        let aws = aws(http);
        let session = aws.connections(&leader(None)).await.unwrap();
        aws.connections(&own()).await.unwrap();
        let logged = format!("{session:?}");
        assert!(!logged.contains("\"secret\"") && !logged.contains("\"token\""), "{logged}");
    }
}
