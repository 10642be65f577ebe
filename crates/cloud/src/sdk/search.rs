//! A domain's REST API, over HTTP: signed with Signature Version 4, or with the name and password of a user.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_types::base64;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Request, Url, redirect};
use serde_json::Value;
use wait::chain;

use super::role::Role;
use super::secret::Secret;
use crate::{Access, Answer, Caller, Code, Endpoint, Error, Method, Refusal, Search, SearchError};

/// For one call, as [`Search`] promises.
const ATTEMPT: Duration = Duration::from_secs(25);
/// The name the service is signed for.
const SERVICE: &str = "es";

/// A domain, as one caller sees it. A clone is the same.
#[derive(Clone, Debug)]
pub struct Domain {
    http: Option<Client>,
    endpoint: Endpoint,
    region: String,
    signer: Signer,
    config: SdkConfig,
}

#[derive(Clone, Debug)]
enum Signer {
    Own(Option<SharedCredentialsProvider>),
    Role(Role),
    Secret(Secret),
}

impl Domain {
    pub(super) fn new(config: &SdkConfig, access: &Access) -> Self {
        let signer = match &access.caller {
            Caller::Own => Signer::Own(config.credentials_provider()),
            Caller::Role(role) => Signer::Role(Role::new(config, role)),
            Caller::Secret(arn) => Signer::Secret(Secret::new(config, arn)),
        };
        let is_loopback = access.endpoint.is_loopback();
        let client = Client::builder()
            .connect_timeout(super::CONNECT)
            .timeout(ATTEMPT)
            .redirect(redirect::Policy::none())
            .https_only(!is_loopback);
        let client = if is_loopback { client.no_proxy() } else { client };
        Self {
            http: client.build().ok(),
            endpoint: access.endpoint.clone(),
            region: access.region.clone(),
            signer,
            config: config.clone(),
        }
    }

    /// Finds out what cannot be assumed or read, before anything is changed.
    pub(super) async fn sign_in(&self) -> Result<(), Error> {
        match &self.signer {
            Signer::Own(_) => Ok(()),
            Signer::Role(role) => role.credentials().await.map(drop),
            Signer::Secret(secret) => secret.read().await.map(drop),
        }
    }

    async fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Request, Error> {
        let unusable = |words: String| problem(Code::Validation, words);
        let url = Url::parse(&self.endpoint.url(path)).map_err(|error| unusable(error.to_string()))?;
        let name = reqwest::Method::from_bytes(method.name().as_bytes())
            .map_err(|error| unusable(error.to_string()))?;
        let mut request = Request::new(name, url);
        if !body.is_empty() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let headers = match &self.signer {
            Signer::Own(None) => return Err(no_credentials("no credentials are configured".to_owned())),
            Signer::Own(Some(provider)) => {
                let given = provider.provide_credentials().await;
                self.signature(&request, &body, given.map_err(|error| no_credentials(chain(&error)))?)?
            }
            Signer::Role(role) => self.signature(&request, &body, role.credentials().await?)?,
            Signer::Secret(secret) => {
                let user = secret.user().await?;
                let text = base64::encode(format!("{}:{}", user.username, user.password));
                vec![(AUTHORIZATION.to_string(), format!("Basic {text}"))]
            }
        };
        for (name, text) in headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| unusable(error.to_string()))?;
            let mut value = HeaderValue::from_str(&text).map_err(|error| unusable(error.to_string()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        *request.body_mut() = (!body.is_empty()).then(|| body.into());
        Ok(request)
    }

    /// The headers that sign the request: date, body hash, token, signature.
    fn signature(
        &self,
        request: &Request,
        body: &[u8],
        credentials: Credentials,
    ) -> Result<Vec<(String, String)>, Error> {
        let unsigned = |error: &(dyn std::error::Error + 'static)| problem(Code::Validation, chain(error));
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = credentials.into();
        let time: SystemTime = self.config.time_source().unwrap_or_default().now();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(time)
            .settings(settings)
            .build()
            .map_err(|error| unsigned(&error))?
            .into();
        let headers =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            headers,
            SignableBody::Bytes(body),
        )
        .map_err(|error| unsigned(&error))?;
        let signed = sign(signable, &parameters).map_err(|error| unsigned(&error))?;
        let (instructions, _) = signed.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl Domain {
    /// One request; status and body of what the domain did, or none when the body is longer than `most`.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Option<(u16, Vec<u8>)>, SearchError> {
        let request = format!("{} {path}", method.name());
        let unsigned = |source| SearchError::Unsigned { request: request.clone(), source };
        let silent =
            |error: &reqwest::Error| SearchError::NoAnswer { request: request.clone(), words: chain(error) };
        let http = self.http.as_ref().ok_or_else(|| {
            unsigned(problem(Code::Other("NoTls".to_owned()), "there is no TLS to be had".to_owned()))
        })?;
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let signed = self.request(method, path, bytes).await.map_err(unsigned)?;
        let mut response = http.execute(signed).await.map_err(|error| silent(&error.without_url()))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| silent(&error.without_url()))? {
            bytes.extend_from_slice(&part);
            if bytes.len() > most {
                return Ok(None);
            }
        }
        if !(200..300).contains(&status) {
            return Err(SearchError::Refused(Refusal::read(request, status, &bytes)));
        }
        Ok(Some((status, bytes)))
    }
}

impl Search for Domain {
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, SearchError> {
        let answered = self.call(method, path, body, usize::MAX).await?;
        let (status, bytes) = answered.unwrap_or_default();
        let body = match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(_) if bytes.is_empty() => Value::Null,
            Err(error) => return Err(unreadable(method, path, &error)),
        };
        Ok(Answer { status, body })
    }

    async fn read(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Option<String>, SearchError> {
        let Some((_, bytes)) = self.call(method, path, body, most).await? else { return Ok(None) };
        Ok(Some(text(bytes)))
    }
}

/// An answer as a text. A domain stores and shows what a document's text was written with, also where it is no UTF-8: half
/// a pair of surrogates as three bytes. Each such byte becomes one half of a pair of its own (`\udced`), which JSON can say.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = String::new();
        for chunk in error.as_bytes().utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|byte| format!("\\udc{byte:02x}")));
        }
        text
    })
}

fn unreadable(method: Method, path: &str, error: &dyn std::error::Error) -> SearchError {
    let words = format!("the answer cannot be read: {error}");
    SearchError::NoAnswer { request: format!("{} {path}", method.name()), words }
}

fn problem(code: Code, message: String) -> Error {
    Error { operation: "Sign", code, message, request_id: None }
}

fn no_credentials(words: String) -> Error {
    problem(Code::Other("NoCredentials".to_owned()), words)
}
