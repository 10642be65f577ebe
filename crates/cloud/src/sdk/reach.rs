//! Whether the OpenSearch configuration API can be reached.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_opensearch::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use reqwest::{Client, redirect};

use super::Aws;
use crate::{Code, Error, Reach};

const OPERATION: &str = "TLS handshake";

/// Connecting, the handshake and an answer of any kind.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Asks the API's endpoint for anything: whatever it answers, its certificate was good and the way is free.
impl Reach for Aws {
    async fn reach(&self, region: &str) -> Result<(), Error> {
        let url = url(&self.config, region).await?;
        let client = Client::builder()
            .connect_timeout(super::CONNECT)
            .timeout(ATTEMPT)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| unreachable(&error))?;
        client.head(url).send().await.map(drop).map_err(|error| unreachable(&error))
    }
}

/// Where the SDK would send a call to.
async fn url(config: &SdkConfig, region: &str) -> Result<String, Error> {
    if let Some(url) = config.endpoint_url() {
        return Ok(url.to_owned());
    }
    let invalid = |words: String| Error {
        operation: OPERATION,
        code: Code::Validation,
        message: format!("no endpoint in `{region}`: {words}"),
        request_id: None,
    };
    let wanted = Params::builder()
        .region(region)
        .use_fips(config.use_fips().unwrap_or_default())
        .use_dual_stack(config.use_dual_stack().unwrap_or_default())
        .build()
        .map_err(|error| invalid(error.to_string()))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&wanted).await;
    endpoint.map(|endpoint| endpoint.url().to_owned()).map_err(|error| invalid(error.to_string()))
}

fn unreachable(error: &reqwest::Error) -> Error {
    Error { operation: OPERATION, code: Code::NoAnswer, message: wait::chain(error), request_id: None }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::url;
    use crate::sdk::Aws;
    use crate::{Code, Reach};

    fn config() -> aws_config::SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-west-2"))
            .build()
    }

    fn at(address: std::net::SocketAddr) -> Aws {
        Aws::connect(
            &config().to_builder().endpoint_url(format!("http://{address}")).build(),
            "/tandem/claims",
        )
    }

    #[tokio::test]
    async fn what_is_reached_is_where_the_sdk_would_call() {
        for (region, expected) in [
            ("us-east-1", "https://es.us-east-1.amazonaws.com"),
            ("cn-north-1", "https://es.cn-north-1.amazonaws.com.cn"),
        ] {
            assert_eq!(url(&config(), region).await.unwrap(), expected);
        }
        let dual = config().to_builder().use_dual_stack(true).build();
        assert_eq!(url(&dual, "us-east-1").await.unwrap(), "https://aos.us-east-1.api.aws");
        let own = config().to_builder().endpoint_url("http://127.0.0.1:4566").build();
        assert_eq!(url(&own, "us-east-1").await.unwrap(), "http://127.0.0.1:4566");
    }

    #[tokio::test]
    async fn any_answer_will_do_and_no_credentials_are_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 2048];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&request[..length]).to_lowercase()
        });
        at(address).reach("us-west-2").await.unwrap();
        let request = served.await.unwrap();
        assert!(request.starts_with("head / ") && !request.contains("authorization"), "{request}");
    }

    #[tokio::test]
    async fn nobody_there_is_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = at(address).reach("us-west-2").await.unwrap_err();
        assert_eq!(error.code, Code::NoAnswer);
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
