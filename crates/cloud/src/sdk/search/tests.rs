//! The exact requests, as a server sees them that verifies their signatures by computing them itself.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use wait::{Retry, Retryable};

use crate::sdk::replay::{OWN, answer, answers, assumed, config, leader, lines, refusal};
use crate::sdk::{Aws, Domain};
use crate::{Access, Caller, Cloud, Code, Endpoint, Method, Search, SearchError};

const SECRET: &str = "arn:aws:secretsmanager:us-west-2:222222222222:secret:master-AbCdEf";

/// What a server received.
struct Received {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let head = loop {
            bytes.push(stream.read_u8().await.unwrap());
            if bytes.ends_with(b"\r\n\r\n") {
                break String::from_utf8(bytes.clone()).unwrap();
            }
        };
        let mut lines = head.lines().map(str::to_owned);
        let line = lines.next().unwrap();
        let headers: Vec<_> = lines
            .filter_map(|line| {
                line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            })
            .collect();
        let mut received = Self { line, headers, body: Vec::new() };
        let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
        received.body = vec![0; length];
        stream.read_exact(&mut received.body).await.unwrap();
        received
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The signature's key id, Region and service, once the signature was found right for this secret key.
    #[track_caller]
    fn signer(&self, secret_key: &str) -> String {
        let authorization = self.header("authorization").unwrap();
        let part = |name: &str| {
            let (_, rest) = authorization.split_once(&format!("{name}=")).unwrap();
            rest.split(", ").next().unwrap().to_owned()
        };
        let (credential, names, signature) = (part("Credential"), part("SignedHeaders"), part("Signature"));
        let scope: Vec<_> = credential.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = scope[..] else { panic!("{credential}") };
        for must_be_signed in ["host", "x-amz-date", "x-amz-content-sha256"] {
            assert!(names.split(';').any(|name| name == must_be_signed), "{must_be_signed} in {names}");
        }
        assert_eq!(self.header("x-amz-content-sha256").unwrap(), hash(&self.body));
        let target = self.line.split(' ').nth(1).unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        // Every service but S3 encodes the path that is sent once more.
        let path = path.replace('%', "%25").replace('*', "%2A");
        let mut query: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).collect();
        query.sort_unstable();
        let header = |name: &str| format!("{name}:{}\n", self.header(name).unwrap());
        let headers = names.split(';').map(header).collect::<Vec<_>>().concat();
        let method = self.line.split(' ').next().unwrap();
        let canonical =
            format!("{method}\n{path}\n{}\n{headers}\n{names}\n{}", query.join("&"), hash(&self.body));
        let time = self.header("x-amz-date").unwrap();
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{}",
            hash(canonical.as_bytes())
        );
        let day = DateTime::from_str(
            &format!("{}-{}-{}T00:00:00Z", &date[..4], &date[4..6], &date[6..]),
            Format::DateTime,
        );
        let key = generate_signing_key(secret_key, day.unwrap().try_into().unwrap(), region, service);
        assert_eq!(calculate_signature(key, to_sign.as_bytes()), signature, "{canonical}");
        format!("{key_id} {region} {service}")
    }
}

fn hash(bytes: &[u8]) -> String {
    let digits: Vec<_> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// A domain on this machine that answers one request, and what it received.
async fn domain(answer: impl Into<Vec<u8>>) -> (Endpoint, JoinHandle<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    let answer = answer.into();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let received = Received::read(&mut stream).await;
        stream.write_all(&answer).await.unwrap();
        received
    });
    (endpoint, served)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn access(endpoint: &Endpoint, caller: Caller) -> Access {
    Access { endpoint: endpoint.clone(), region: "us-east-1".to_owned(), caller }
}

async fn own(endpoint: &Endpoint) -> Domain {
    Aws::connect(&config(answers([])), "/tandem/claims").search(&access(endpoint, Caller::Own)).await.unwrap()
}

#[tokio::test]
async fn a_call_is_signed_for_the_domains_region_with_the_hash_of_its_body() {
    let (endpoint, served) = domain(http("200 OK", r#"{"acknowledged":true}"#)).await;
    let body = json!({ "leader_alias": "conn", "name": "r1" });
    let path = "_plugins/_replication/_autofollow?b=2&a=1";
    let answer = own(&endpoint).await.send(Method::Delete, path, Some(&body)).await.unwrap();
    assert_eq!((answer.status, answer.body), (200, json!({ "acknowledged": true })));
    let received = served.await.unwrap();
    assert_eq!(received.line, "DELETE /_plugins/_replication/_autofollow?b=2&a=1 HTTP/1.1");
    assert_eq!(received.header("host"), Some(endpoint.as_str()));
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_slice::<Value>(&received.body).unwrap(), body);
    assert_eq!(received.signer("secret"), format!("{OWN} us-east-1 es"));
    assert_eq!(received.header("x-amz-security-token"), None);
}

#[tokio::test]
async fn a_name_that_is_encoded_in_the_path_is_signed_as_it_is_sent() {
    let (endpoint, served) = domain(http("200 OK", "")).await;
    let path = format!("{}/_doc/{}?refresh=true", crate::segment("é-1"), crate::segment("a/b c"));
    let answer = own(&endpoint).await.send(Method::Get, &path, None).await.unwrap();
    assert_eq!(answer.body, Value::Null);
    let received = served.await.unwrap();
    assert_eq!(received.line, "GET /%C3%A9-1/_doc/a%2Fb%20c?refresh=true HTTP/1.1");
    assert_eq!(received.header("content-type"), None);
    received.signer("secret");
}

#[tokio::test]
async fn the_token_of_temporary_credentials_is_sent_and_signed() {
    let noon = DateTime::from_str("2026-01-01T12:00:00Z", Format::DateTime).unwrap();
    let credentials = Credentials::new("AKIDTEMP", "temporary", Some("the-token".to_owned()), None, "test");
    let config: SdkConfig = config(answers([]))
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .time_source(StaticTimeSource::new(noon.try_into().unwrap()))
        .build();
    let (endpoint, served) = domain(http("200 OK", "{}")).await;
    let aws = Aws::connect(&config, "/tandem/claims");
    let session = aws.search(&access(&endpoint, Caller::Own)).await.unwrap();
    session.send(Method::Put, "i", Some(&json!({}))).await.unwrap();
    let received = served.await.unwrap();
    assert_eq!(received.header("x-amz-security-token"), Some("the-token"));
    assert_eq!(received.header("x-amz-date"), Some("20260101T120000Z"));
    assert_eq!(received.signer("temporary"), "AKIDTEMP us-east-1 es");
    let logged = format!("{session:?} {aws:?}");
    assert!(!logged.contains("the-token") && !logged.contains("\"temporary\""), "{logged}");
}

#[tokio::test]
async fn a_role_is_assumed_first_and_signs() {
    let script = answers([assumed("AKIDROLE", "2099-01-01T00:00:00Z")]);
    let (endpoint, served) = domain(http("200 OK", "{}")).await;
    let role = leader(Some("stack-7")).role.unwrap();
    let aws = Aws::connect(&config(script.clone()), "/tandem/claims");
    let session = aws.search(&access(&endpoint, Caller::Role(role))).await.unwrap();
    assert_eq!(lines(&script), ["POST https://sts.us-west-2.amazonaws.com/"]);
    session.send(Method::Get, "", None).await.unwrap();
    assert_eq!(served.await.unwrap().signer("secret"), "AKIDROLE us-east-1 es");
}

#[tokio::test]
async fn a_user_of_a_secret_is_sent_by_name_and_password_and_nothing_is_signed() {
    let text = json!({ "username": "master", "password": "pa:ss" }).to_string();
    let script = answers([answer(200, json!({ "ARN": SECRET, "SecretString": text }))]);
    let (endpoint, served) = domain(http("200 OK", "{}")).await;
    let aws = Aws::connect(&config(script.clone()), "/tandem/claims");
    let session = aws.search(&access(&endpoint, Caller::Secret(SECRET.to_owned()))).await.unwrap();
    session.send(Method::Get, "", None).await.unwrap();
    assert_eq!(lines(&script), ["POST https://secretsmanager.us-west-2.amazonaws.com/"]);
    let received = served.await.unwrap();
    assert_eq!(received.header("authorization"), Some("Basic bWFzdGVyOnBhOnNz"));
    assert_eq!(received.header("x-amz-date"), None);
    let logged = format!("{session:?}");
    assert!(!logged.contains("pa:ss"), "{logged}");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_or_is_something_else_fails_at_the_door() {
    let endpoint = Endpoint::parse("127.0.0.1:1").unwrap();
    for (script, code, words) in [
        (refusal(400, "AccessDeniedException", "not authorized"), Code::AccessDenied, "not authorized"),
        (
            answer(200, json!({ "SecretString": "S3CRET" })),
            Code::Validation,
            "the secret is not a JSON object with `username` and `password`",
        ),
        (answer(200, json!({ "ARN": SECRET })), Code::Internal, "the answer has no text"),
    ] {
        let aws = Aws::connect(&config(answers([script])), "/tandem/claims");
        let access = access(&endpoint, Caller::Secret(SECRET.to_owned()));
        let error = aws.search(&access).await.unwrap_err();
        assert_eq!((error.operation, &error.code, error.message.as_str()), ("GetSecretValue", &code, words));
    }
}

#[tokio::test]
async fn a_refusal_is_read_with_its_status() {
    let words = r#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [x]"}],"type":"index_not_found_exception","reason":"no such index [x]"},"status":404}"#;
    let (endpoint, _served) = domain(http("404 Not Found", words)).await;
    let error = own(&endpoint).await.send(Method::Get, "x", None).await.unwrap_err();
    assert_eq!(error.to_string(), "GET x failed: HTTP 404 index_not_found_exception: no such index [x]");
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn a_domain_that_is_not_there_hangs_up_or_speaks_otherwise_gave_no_answer() {
    let silent = |error: SearchError| {
        assert!(matches!(error, SearchError::NoAnswer { .. }), "{error}");
        assert_eq!(error.retry(), Retry::Later);
        error.to_string()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    drop(listener);
    let words = silent(own(&endpoint).await.send(Method::Get, "x", None).await.unwrap_err());
    assert!(words.contains("refused"), "{words}");
    for answer in [String::new(), http("200 OK", "<html>"), "nonsense\r\n\r\n".to_owned()] {
        let (endpoint, _served) = domain(answer).await;
        silent(own(&endpoint).await.send(Method::Get, "x", None).await.unwrap_err());
    }
}

#[tokio::test]
async fn a_text_that_is_no_utf_8_is_read_and_stays_what_tells_it_from_others() {
    let read = async |bytes: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
        let (endpoint, _served) = domain([head.as_bytes(), bytes].concat()).await;
        own(&endpoint).await.read(Method::Get, "x", None, usize::MAX).await.unwrap().unwrap()
    };
    // Half a pair of surrogates, as nodes store and show it.
    assert_eq!(read(b"{\"x\":\"\xed\xa0\x80 \xc3\xa9\"}").await, r#"{"x":"\udced\udca0\udc80 é"}"#);
    assert_eq!(read("{\"x\":\"é\"}".as_bytes()).await, r#"{"x":"é"}"#);
}

#[tokio::test]
async fn a_redirection_is_not_followed_with_credentials() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (endpoint, _served) = domain(redirect).await;
    let error = own(&endpoint).await.send(Method::Get, "x", None).await.unwrap_err();
    assert_eq!(error.to_string(), "GET x failed: HTTP 302: no reason is given");
}
