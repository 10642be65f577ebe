//! The ports on the AWS SDK: one method, one API operation (and its pages), no decision.
//!
//! This is the only module that knows the SDK's types; they become ours here, in both directions.
//! It reads no environment of its own: Region, credentials and `AWS_ENDPOINT_URL` are `aws-config`'s business.

mod claims;
mod connections;
mod conversion;
mod error;
mod function;
mod instances;
mod peer;
mod reach;
#[cfg(test)]
mod replay;
mod role;
mod search;
mod secret;
mod stacks;
mod transit_gateways;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

pub use claims::Parameters;
pub use connections::Session;
pub use peer::RemoteFunction;
pub use search::Domain;
pub use transit_gateways::Gateways;

use crate::{Access, Cloud, Error, PeerAddress, Place};

/// To notice early that there is no way out, as in a VPC without egress.
const CONNECT: Duration = Duration::from_secs(3);
/// For one attempt.
const ATTEMPT: Duration = Duration::from_secs(10);
/// For one operation with its attempts.
const OPERATION: Duration = Duration::from_secs(25);
/// Attempts of an operation that may be repeated; see `once` for the others.
const ATTEMPTS: u32 = 3;

/// AWS, as the function's own credentials and the roles it may assume reach it.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    claims: Parameters,
    function: aws_sdk_lambda::Client,
    instances: aws_sdk_ec2::Client,
    stacks: aws_sdk_cloudformation::Client,
    sessions: Mutex<HashMap<Place, Session>>,
    gateways: Mutex<HashMap<Place, Gateways>>,
    domains: Mutex<HashMap<Access, Domain>>,
    peers: Mutex<HashMap<PeerAddress, RemoteFunction>>,
}

impl Aws {
    /// Takes Region, credentials and endpoint from where every AWS SDK finds them. Calls nothing.
    ///
    /// `claims_path` is the path of the parameters that hold the claims, `/tandem/claims`.
    pub async fn load(claims_path: &str) -> Self {
        Self::connect(&aws_config::load_defaults(BehaviorVersion::latest()).await, claims_path)
    }

    /// Takes Region, credentials and endpoint from a configuration; time-outs and retries are ours. Calls nothing.
    pub fn connect(config: &SdkConfig, claims_path: &str) -> Self {
        let config = config
            .to_builder()
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(ATTEMPT)
                    .operation_timeout(OPERATION)
                    .build(),
            )
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .build();
        Self {
            claims: Parameters::new(&config, claims_path),
            function: aws_sdk_lambda::Client::new(&config),
            instances: aws_sdk_ec2::Client::new(&config),
            stacks: aws_sdk_cloudformation::Client::new(&config),
            sessions: Mutex::default(),
            gateways: Mutex::default(),
            domains: Mutex::default(),
            peers: Mutex::default(),
            config,
        }
    }

    fn session(&self, place: &Place) -> Session {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.entry(place.clone()).or_insert_with(|| Session::new(&self.config, place)).clone()
    }

    fn gateways(&self, place: &Place) -> Gateways {
        let mut gateways = self.gateways.lock().unwrap_or_else(PoisonError::into_inner);
        gateways.entry(place.clone()).or_insert_with(|| Gateways::new(&self.config, place)).clone()
    }

    fn domain(&self, access: &Access) -> Domain {
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        domains.entry(access.clone()).or_insert_with(|| Domain::new(&self.config, access)).clone()
    }

    fn remote(&self, address: &PeerAddress) -> RemoteFunction {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.entry(address.clone()).or_insert_with(|| RemoteFunction::new(&self.config, address)).clone()
    }
}

impl Cloud for Aws {
    type Connections = Session;
    type TransitGateways = Gateways;
    type Search = Domain;
    type Peer = RemoteFunction;
    type Claims = Parameters;

    /// Without a role no request is made; with one, the role is assumed unless its credentials are still fresh.
    async fn connections(&self, place: &Place) -> Result<Session, Error> {
        let session = self.session(place);
        session.sign_in().await?;
        Ok(session)
    }

    /// The same.
    async fn transit_gateways(&self, place: &Place) -> Result<Gateways, Error> {
        let session = self.gateways(place);
        session.sign_in().await?;
        Ok(session)
    }

    /// The credentials are those of every other session; a secret is read anew, because it may have been rotated.
    async fn search(&self, access: &Access) -> Result<Domain, Error> {
        let domain = self.domain(access);
        domain.sign_in().await?;
        Ok(domain)
    }

    /// The same as for connections.
    async fn peer(&self, address: &PeerAddress) -> Result<RemoteFunction, Error> {
        let peer = self.remote(address);
        peer.sign_in().await?;
        Ok(peer)
    }

    fn claims(&self) -> &Parameters {
        &self.claims
    }
}

/// For operations that must be sent at most once per call.
///
/// When the response of a first attempt is lost, the SDK's second attempt meets what the first one did: "already
/// exists", "already accepted". Such an answer would be a lie about this call; "no answer" is the truth, and whoever
/// called looks before asking again.
fn once() -> RetryConfig {
    RetryConfig::disabled()
}
