//! Domains' REST APIs in memory: documents, the security plugin's mappings, the replication plugin.
//!
//! They answer as the real ones were recorded to answer: see the tests of each part.

mod api;
mod index;
mod node;
mod reading;
mod replication;
mod rules;
mod security;

use serde_json::Value;
use tokio::time::Instant;

use crate::{Access, Answer, Caller as Who, Code, Error, Method, Refusal, Search, SearchError};

use super::Faulty;
use super::state::{Caller, State};
use super::world::World;

pub use index::Document;
pub(super) use node::Nodes;

/// Refused, in the service's own shape: status and body.
type Refused = (u16, Value);

/// Somebody, as a domain's security plugin sees him.
#[derive(Clone, Debug)]
struct User {
    name: String,
    backend_roles: Vec<String>,
}

/// One call, as it comes in.
struct Request<'a> {
    host: &'a str,
    user: &'a User,
    method: Method,
    /// Without the query.
    path: Vec<&'a str>,
    query: &'a str,
    body: Option<&'a Value>,
    now: Instant,
}

/// A domain of a [`World`], as one caller sees it.
#[derive(Clone, Debug)]
pub struct SearchSession {
    pub(super) world: World,
    pub(super) access: Access,
}

impl SearchSession {
    fn user(&self) -> User {
        let (account, _) = self.world.home();
        match &self.access.caller {
            Who::Own => User::role(&World::own_role(&account)),
            Who::Role(role) => User::role(&role.arn),
            Who::Secret(_) => User { name: "master".to_owned(), backend_roles: vec!["admin".to_owned()] },
        }
    }
}

impl User {
    /// A role is its own backend role.
    fn role(arn: &str) -> Self {
        Self { name: arn.to_owned(), backend_roles: vec![arn.to_owned()] }
    }
}

impl World {
    /// The ARN of the role that the function in this account has.
    pub fn own_role(account: &str) -> String {
        format!("arn:aws:iam::{account}:role/tandem")
    }
}

impl Search for SearchSession {
    async fn read(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Option<String>, SearchError> {
        let text = self.send(method, path, body).await?.body.to_string();
        Ok(Some(text).filter(|text| text.len() <= most))
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, SearchError> {
        let request = format!("{} {path}", method.name());
        let (account, _) = self.world.home();
        let caller = Caller { account, region: self.access.region.clone(), is_throttled: false };
        let (host, user) = (self.access.endpoint.as_str(), self.user());
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let segments: Vec<_> = bare.split('/').map(decoded).collect();
        let effect = |state: &mut State, now| {
            let path = segments.iter().map(String::as_str).collect();
            Ok(state.nodes.answer(&Request { host, user: &user, method, path, query, body, now }))
        };
        let answered = self.world.call(&caller, method.action(), path, effect).await;
        match answered.map_err(|error| struck(&error, &request))? {
            Ok(body) => Ok(Answer { status: 200, body }),
            Err((0, _)) => Err(silent(request)),
            Err((status, body)) => {
                let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                Err(SearchError::Refused(Refusal::read(request, status, text.as_bytes())))
            }
        }
    }
}

/// A segment of a path, as it was before it was encoded.
fn decoded(segment: &str) -> String {
    let mut parts = segment.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        bytes.extend(u8::from_str_radix(code, 16).ok());
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn silent(request: String) -> SearchError {
    SearchError::NoAnswer { request, words: "connection reset by peer".to_owned() }
}

/// What was planned for a call, as a domain would say it.
fn struck(error: &Error, request: &str) -> SearchError {
    let status = match error.code {
        Code::NoAnswer => return silent(request.to_owned()),
        Code::Throttled => 429,
        Code::Internal => 503,
        Code::AccessDenied => 403,
        Code::ResourceNotFound
        | Code::ResourceAlreadyExists
        | Code::LimitExceeded
        | Code::InsufficientCapacity
        | Code::DisabledOperation
        | Code::Validation
        | Code::Other(_) => 400,
    };
    let body = serde_json::json!({ "Message": error.message }).to_string();
    SearchError::Refused(Refusal::read(request.to_owned(), status, body.as_bytes()))
}

impl<S: Search> Search for Faulty<S> {
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, SearchError> {
        let request = format!("{} {path}", method.name());
        let inner = async { Ok(self.inner().send(method, path, body).await) };
        let answered = self.faults().around(method.action(), inner).await;
        answered.unwrap_or_else(|error| Err(struck(&error, &request)))
    }

    async fn read(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Option<String>, SearchError> {
        let request = format!("{} {path}", method.name());
        let inner = async { Ok(self.inner().read(method, path, body, most).await) };
        let answered = self.faults().around(method.action(), inner).await;
        answered.unwrap_or_else(|error| Err(struck(&error, &request)))
    }
}
