//! For tests: services that answer from a script, and what they were sent.

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::{Request, Response};
use aws_smithy_runtime_api::shared::IntoShared;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::{Aws, Session};
use crate::{AssumedRole, Cloud, Place};

pub(super) const LEADER: &str = "111111111111";
pub(super) const FOLLOWER: &str = "222222222222";
/// The access key id of the function's own credentials.
pub(super) const OWN: &str = "AKIDOWN";

/// The function's own account and Region: the follower's.
pub(super) fn own() -> Place {
    Place { account: FOLLOWER.to_owned(), region: "us-west-2".to_owned(), role: None }
}

/// The leader's account and Region, through a role.
pub(super) fn leader(external_id: Option<&str>) -> Place {
    Place {
        account: LEADER.to_owned(),
        region: "us-east-1".to_owned(),
        role: Some(AssumedRole {
            arn: format!("arn:aws:iam::{LEADER}:role/accepter"),
            external_id: external_id.map(str::to_owned),
        }),
    }
}

/// The function's own Region and credentials, with every service behind this client.
pub(super) fn config(http: impl HttpClient + 'static) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-west-2"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            OWN, "secret", None, None, "test",
        )))
        .http_client(http)
        .build()
}

/// The function in its own Region.
pub(super) fn aws(http: impl HttpClient + 'static) -> Aws {
    Aws::connect(&config(http), "/tandem/claims")
}

/// A session in the function's own account and Region.
pub(super) async fn session(http: impl HttpClient + 'static) -> Session {
    aws(http).connections(&own()).await.unwrap()
}

/// Services that give these answers, one after the other.
pub(super) fn answers(answers: impl IntoIterator<Item = HttpResponse>) -> StaticReplayClient {
    let any = || Request::new(SdkBody::empty());
    StaticReplayClient::new(answers.into_iter().map(|answer| ReplayEvent::new(any(), answer)).collect())
}

/// An answer.
pub(super) fn answer(status: u16, body: impl Display) -> HttpResponse {
    Response::new(status.try_into().unwrap(), SdkBody::from(format!("{body}")))
}

/// An error as the JSON services write it.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> HttpResponse {
    let mut response = answer(status, json!({ "message": message }));
    response.headers_mut().insert("x-amzn-errortype", code.to_owned());
    response.headers_mut().insert("x-amzn-requestid", "request-1");
    response
}

/// An error as the XML services write it.
pub(super) fn xml_refusal(status: u16, code: &str, message: &str) -> HttpResponse {
    let mut response = answer(
        status,
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>request-1</RequestId></ErrorResponse>"
        ),
    );
    response.headers_mut().insert("x-amzn-requestid", "request-1");
    response
}

/// The answer of `AssumeRole`.
pub(super) fn assumed(access_key_id: &str, expires: &str) -> HttpResponse {
    answer(
        200,
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{access_key_id}</AccessKeyId>\
             <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

/// What was sent: method and URI.
pub(super) fn lines(client: &StaticReplayClient) -> Vec<String> {
    client.actual_requests().map(|request| format!("{} {}", request.method(), request.uri())).collect()
}

/// What was sent: who signed for which Region and service, as `AKIDOWN us-west-2 es`.
pub(super) fn signers(client: &StaticReplayClient) -> Vec<String> {
    let signer = |request: &HttpRequest| {
        let header = request.headers().get("authorization").unwrap();
        let scope = header.split_once("Credential=").unwrap().1.split_once("/aws4_request").unwrap().0;
        let parts: Vec<_> = scope.split('/').collect();
        [parts[0], parts[2], parts[3]].join(" ")
    };
    client.actual_requests().map(signer).collect()
}

/// What was sent: JSON bodies, `null` for none.
pub(super) fn bodies(client: &StaticReplayClient) -> Vec<Value> {
    let body = |request: &HttpRequest| {
        serde_json::from_slice(request.body().bytes().unwrap()).unwrap_or(Value::Null)
    };
    client.actual_requests().map(body).collect()
}

/// What was sent: bodies as text.
pub(super) fn texts(client: &StaticReplayClient) -> Vec<String> {
    let text = |request: &HttpRequest| String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
    client.actual_requests().map(text).collect()
}

/// A network that resets every connection after the request was sent, and counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Resets {
    count: Arc<AtomicUsize>,
    settings: Arc<Mutex<Option<HttpConnectorSettings>>>,
}

impl Resets {
    /// How many requests were sent.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// How long connecting may take.
    pub(super) fn connect_timeout(&self) -> Option<Duration> {
        self.settings.lock().unwrap().as_ref()?.connect_timeout()
    }
}

impl HttpConnector for Resets {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        self.count.fetch_add(1, Ordering::SeqCst);
        HttpConnectorFuture::ready(Err(ConnectorError::io(
            std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by peer").into(),
        )))
    }
}

impl HttpClient for Resets {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        *self.settings.lock().unwrap() = Some(settings.clone());
        self.clone().into_shared()
    }
}
