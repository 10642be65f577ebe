//! With which domains, and as which users, sessions are opened at all.
//!
//! Whoever asks names the domain and the secret. Without bounds a function would sign in wherever it is told to, and show
//! the password of its secret to whoever listens there.

use std::sync::Arc;

use crate::{Access, Caller, Cloud, Code, Endpoint, Error, PeerAddress, Place};

/// The domains and the secrets that the configuration of a function names; what it does not name is out of bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Endpoints, in lower case; a `*` in one is any part of a name.
    domains: Vec<String>,
    /// ARNs.
    secrets: Vec<String>,
}

/// A name of a domain that is no endpoint.
#[derive(Debug, thiserror::Error)]
#[error(
    "DOMAINS names `{0}`, which is no domain's endpoint: expected hosts without https:// and without a path, separated by \
     commas, in which * may stand for a part of a name"
)]
pub struct NotAnEndpoint(String);

impl Bounds {
    /// From endpoints and ARNs of secrets, each separated by commas. One domain may have several endpoints.
    pub fn parse(domains: &str, secrets: &str) -> Result<Self, NotAnEndpoint> {
        let domain = |name: &str| {
            let is_endpoint = Endpoint::parse(&name.replace('*', "1")).is_some();
            is_endpoint.then(|| name.to_ascii_lowercase()).ok_or_else(|| NotAnEndpoint(name.to_owned()))
        };
        Ok(Self {
            domains: names(domains).map(domain).collect::<Result<_, _>>()?,
            secrets: names(secrets).map(str::to_owned).collect(),
        })
    }

    /// An error when a session lies outside, with what to extend.
    pub fn check(&self, access: &Access) -> Result<(), Error> {
        let endpoint = access.endpoint.as_str();
        let is_within = match &access.caller {
            Caller::Secret(arn) if !self.secrets.contains(arn) => {
                return Err(outside(format!(
                    "the function signs in with no secret but those that it is configured with; add `{arn}` to \
                     MasterSecretArns of provider.yaml"
                )));
            }
            // Somebody else's domain may be called almost the same, and a password is worth something to everybody.
            Caller::Secret(_) => self.domains.iter().any(|name| name == endpoint),
            // A signature is worth nothing at another host.
            Caller::Own | Caller::Role(_) => {
                self.domains.iter().any(|name| fits(name.as_bytes(), endpoint.as_bytes()))
            }
        };
        if is_within {
            return Ok(());
        }
        let in_full = if matches!(access.caller, Caller::Secret(_)) { ", in full," } else { "" };
        Err(outside(format!(
            "the function calls no domain but those that it is configured with; add `{endpoint}`{in_full} to \
             DomainEndpoints of provider.yaml"
        )))
    }
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Whether a text is what a pattern says: a `*` never goes beyond a dot or a colon.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([b'*', rest @ ..], _) => {
            fits(rest, text)
                || matches!(text, [first, more @ ..] if !b".:".contains(first) && fits(pattern, more))
        }
        ([wanted, rest @ ..], [first, more @ ..]) => wanted == first && fits(rest, more),
        ([], []) => true,
        ([], _) | (_, []) => false,
    }
}

fn outside(message: String) -> Error {
    Error { operation: "SignIn", code: Code::Other("NotConfigured".to_owned()), message, request_id: None }
}

/// A cloud in which sessions with domains are opened within bounds, whoever asks for them.
#[derive(Debug)]
pub struct Bounded<C> {
    cloud: Arc<C>,
    bounds: Bounds,
}

impl<C> Bounded<C> {
    /// The same cloud within bounds.
    pub fn new(cloud: Arc<C>, bounds: Bounds) -> Self {
        Self { cloud, bounds }
    }
}

impl<C: Cloud> Cloud for Bounded<C> {
    type Connections = C::Connections;
    type TransitGateways = C::TransitGateways;
    type Search = C::Search;
    type Peer = C::Peer;
    type Claims = C::Claims;

    async fn connections(&self, place: &Place) -> Result<Self::Connections, Error> {
        self.cloud.connections(place).await
    }

    async fn transit_gateways(&self, place: &Place) -> Result<Self::TransitGateways, Error> {
        self.cloud.transit_gateways(place).await
    }

    /// What lies outside is refused before a secret is read or a role assumed.
    async fn search(&self, access: &Access) -> Result<Self::Search, Error> {
        self.bounds.check(access)?;
        self.cloud.search(access).await
    }

    async fn peer(&self, address: &PeerAddress) -> Result<Self::Peer, Error> {
        self.cloud.peer(address).await
    }

    fn claims(&self) -> &Self::Claims {
        self.cloud.claims()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AssumedRole;

    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111111111111:secret:master-AbCdEf";
    const OTHER: &str = "arn:aws:secretsmanager:us-east-1:111111111111:secret:other-AbCdEf";
    const BOTH: &str = "search-logs-x.us-east-1.es.amazonaws.com, Logs.example.com";

    fn checked(domains: &str, secrets: &str, endpoint: &str, caller: Caller) -> Result<(), String> {
        let access =
            Access { endpoint: Endpoint::parse(endpoint).unwrap(), region: "us-east-1".to_owned(), caller };
        Bounds::parse(domains, secrets).unwrap().check(&access).map_err(|error| error.to_string())
    }

    #[test]
    fn every_endpoint_that_is_named_is_called_and_no_other() {
        let role = || Caller::Role(AssumedRole { arn: "r".to_owned(), external_id: None });
        for endpoint in ["search-logs-x.us-east-1.es.amazonaws.com", "logs.example.com", "LOGS.example.com"] {
            assert_eq!(checked(BOTH, "", endpoint, Caller::Own), Ok(()), "{endpoint}");
            assert_eq!(checked(BOTH, "", endpoint, role()), Ok(()), "{endpoint}");
        }
        for endpoint in ["logs.example.com.", "logs.example.com:9200", "x.logs.example.com", "127.0.0.1:9001"]
        {
            let refused = format!(
                "SignIn failed: NotConfigured: the function calls no domain but those that it is configured with; add \
                 `{endpoint}` to DomainEndpoints of provider.yaml"
            );
            assert_eq!(checked(BOTH, "", endpoint, Caller::Own), Err(refused.clone()));
            assert_eq!(checked(BOTH, "", endpoint, role()), Err(refused));
        }
    }

    #[test]
    fn where_none_is_named_none_is_called() {
        assert!(checked(" , ", "", "anywhere.example.com", Caller::Own).is_err());
        assert!(checked("", SECRET, "anywhere.example.com", Caller::Secret(SECRET.to_owned())).is_err());
    }

    #[test]
    fn a_star_is_any_part_of_a_name_and_not_of_another_domain() {
        let named = "search-logs-*.us-east-1.es.amazonaws.com,127.0.0.1:*";
        for (endpoint, is_within) in [
            ("search-logs-abc123.us-east-1.es.amazonaws.com", true),
            ("127.0.0.1:9200", true),
            ("search-logs-abc123.us-west-2.es.amazonaws.com", false),
            ("search-other-abc123.us-east-1.es.amazonaws.com", false),
            ("search-logs-a.example.com.us-east-1.es.amazonaws.com", false),
            ("search-logs-a.us-east-1.es.amazonaws.com.example.com", false),
            ("search-logs-a.us-east-1.es.amazonaws.com:8443", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(checked(named, "", endpoint, Caller::Own).is_ok(), is_within, "{endpoint}");
            let by_password = checked(named, SECRET, endpoint, Caller::Secret(SECRET.to_owned()));
            assert_eq!(
                by_password.unwrap_err(),
                format!(
                    "SignIn failed: NotConfigured: the function calls no domain but those that it is configured with; add \
                     `{endpoint}`, in full, to DomainEndpoints of provider.yaml"
                )
            );
        }
    }

    #[test]
    fn a_secret_is_used_when_it_is_named_and_only_at_an_endpoint_that_is() {
        let with = |secrets: &str, endpoint: &str| {
            checked(BOTH, secrets, endpoint, Caller::Secret(SECRET.to_owned()))
        };
        assert_eq!(with(&format!("{OTHER},{SECRET}"), "logs.example.com"), Ok(()));
        for secrets in ["", OTHER, "arn:aws:secretsmanager:us-east-1:111111111111:secret:*"] {
            assert_eq!(
                with(secrets, "logs.example.com"),
                Err(format!(
                    "SignIn failed: NotConfigured: the function signs in with no secret but those that it is configured \
                     with; add `{SECRET}` to MasterSecretArns of provider.yaml"
                ))
            );
        }
        assert!(with(SECRET, "elsewhere.example.com").unwrap_err().contains("DomainEndpoints"));
    }

    #[test]
    fn a_name_that_is_no_endpoint_is_told() {
        let error = Bounds::parse("logs.example.com,https://x", "").unwrap_err().to_string();
        assert!(error.starts_with("DOMAINS names `https://x`, which is no domain's endpoint"), "{error}");
    }

    #[cfg(feature = "fake")]
    #[tokio::test(start_paused = true)]
    async fn what_lies_outside_is_refused_before_anything_is_called() {
        let world = Arc::new(crate::fake::World::new("222222222222", "us-west-2"));
        let bounds = Bounds::parse("logs.example.com", "").unwrap();
        let cloud = Bounded::new(Arc::clone(&world), bounds);
        let access = |host: &str| Access {
            endpoint: Endpoint::parse(host).unwrap(),
            region: "us-east-1".to_owned(),
            caller: Caller::Own,
        };
        assert!(cloud.search(&access("logs.example.com")).await.is_ok());
        assert!(cloud.search(&access("elsewhere.example.com")).await.is_err());
    }
}
