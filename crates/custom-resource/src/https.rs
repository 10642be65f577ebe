//! The responder of production: one PUT to a presigned URL.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url, redirect};
use wait::{Deadline, Pace, Probe, WaitError, until};

use crate::{DeliveryError, Responder, ResponseUrl};

/// PUTs the answer, again and again on connection errors, 429 and 5xx, never past the deadline.
#[derive(Clone, Debug)]
pub struct HttpsResponder {
    client: Client,
}

impl HttpsResponder {
    /// A responder with its own connection pool; build it once, outside the handler.
    pub fn new() -> Result<Self, DeliveryError> {
        Client::builder()
            .timeout(Duration::from_secs(5))
            // A redirect would send the signature to somebody else.
            .redirect(redirect::Policy::none())
            .build()
            .map(|client| Self { client })
            .map_err(|error| DeliveryError::Unreachable(error.without_url().to_string()))
    }

    async fn put(&self, url: &Url, body: &str) -> Result<(), DeliveryError> {
        // The signature covers an empty content type: with any other the bucket answers 403.
        let request = self.client.put(url.clone()).header(CONTENT_TYPE, "").body(body.to_owned());
        // The URL of reqwest's errors is the presigned one.
        let response =
            request.send().await.map_err(|error| DeliveryError::Unreachable(chain_without_url(error)))?;
        let status = response.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            429 | 500..=599 => Err(DeliveryError::Unreachable(format!("HTTP {}", status.as_u16()))),
            refused => Err(DeliveryError::Refused(refused)),
        }
    }
}

impl Responder for HttpsResponder {
    async fn deliver(&self, url: &ResponseUrl, body: &str, deadline: Deadline) -> Result<(), DeliveryError> {
        let target = secure(url).ok_or_else(|| DeliveryError::Insecure(url.to_string()))?;
        let pace = Pace::new(Duration::from_millis(200), Duration::from_millis(1500));
        let put = async || self.put(&target, body).await.map(Probe::Ready);
        match until(deadline, &pace, |_| (), put).await {
            Ok(()) => Ok(()),
            Err(WaitError::Failed(error)) => Err(error),
            Err(WaitError::TimedOut(out)) => Err(DeliveryError::OutOfTime(out.to_string())),
        }
    }
}

/// `https`, or `http` to this very machine, where nobody listens in.
fn secure(url: &ResponseUrl) -> Option<Url> {
    let url = Url::parse(url.reveal()).ok()?;
    let host = url.host_str()?;
    let is_loopback = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (url.scheme() == "https" || (url.scheme() == "http" && is_loopback)).then_some(url)
}

fn chain_without_url(error: reqwest::Error) -> String {
    wait::chain(&error.without_url())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A bucket on a real socket that answers with the given statuses, the last one for ever, and keeps the requests.
    async fn bucket(statuses: &'static [u16]) -> (ResponseUrl, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        tokio::spawn(async move {
            for turn in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"{}") {
                    let mut part = [0; 4096];
                    let length = stream.read(&mut part).await.unwrap();
                    request.extend_from_slice(&part[..length]);
                }
                kept.lock().unwrap().push(String::from_utf8(request).unwrap());
                let status = statuses[turn.min(statuses.len() - 1)];
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (ResponseUrl::new(format!("http://{address}/stack?X-Amz-Signature=secret")), requests)
    }

    async fn deliver(url: &ResponseUrl, seconds: u64) -> Result<(), DeliveryError> {
        HttpsResponder::new().unwrap().deliver(url, "{}", Deadline::after(Duration::from_secs(seconds))).await
    }

    #[tokio::test]
    async fn the_put_has_an_empty_content_type_and_an_exact_length() {
        let (url, requests) = bucket(&[200]).await;
        deliver(&url, 30).await.unwrap();
        let request = requests.lock().unwrap()[0].to_lowercase();
        assert!(request.starts_with("put /stack?x-amz-signature=secret http/1.1\r\n"), "{request}");
        assert!(
            request.contains("\r\ncontent-type: \r\n") && request.contains("\r\ncontent-length: 2\r\n"),
            "{request}"
        );
    }

    #[tokio::test]
    async fn a_bucket_that_is_unwell_is_asked_again_and_one_that_refuses_is_not() {
        let (url, requests) = bucket(&[503, 429, 200]).await;
        deliver(&url, 60).await.unwrap();
        assert_eq!(requests.lock().unwrap().len(), 3);
        let (url, requests) = bucket(&[403]).await;
        assert_eq!(deliver(&url, 60).await, Err(DeliveryError::Refused(403)));
        assert_eq!(requests.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn d14_no_error_prints_the_signature() {
        for url in [
            "http://127.0.0.1:1/k?secret",
            "http://secret:secret@127.0.0.1:1/k#secret",
            "http://secret:secret@example.com/k?secret",
            "http://127.0.0.1@example.com/k?secret",
            "ftp://x/k#secret",
            "https://h:port/?secret",
            "secret",
        ] {
            let error = deliver(&ResponseUrl::new(url), 0).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn only_https_and_this_machine_get_an_answer() {
        for (url, is_secure) in [
            ("https://bucket.s3.amazonaws.com/k?s", true),
            ("http://127.0.0.1:4566/k?s", true),
            ("http://[::1]:4566/k?s", true),
            ("http://localhost/k", true),
            ("http://bucket.s3.amazonaws.com/k?s", false),
            ("http://127.0.0.1.example.com/k", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            assert_eq!(secure(&ResponseUrl::new(url)).is_some(), is_secure, "{url}");
        }
    }
}
