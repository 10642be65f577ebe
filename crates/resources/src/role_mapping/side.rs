//! The calls to the security plugin, with what they were about in their errors.

use cloud::{Caller, Cloud, Method, Search, segment};
use serde_json::Value;

use super::plan::{Entry, List, Mapping};
use super::spec::Identity;
use crate::domain::{Problem, open};

const API: &str = "_plugins/_security/api/rolesmapping";

/// A role's mapping on a domain.
pub(crate) struct Side<'a, S> {
    session: S,
    identity: &'a Identity,
}

impl<'a, S: Search> Side<'a, S> {
    pub(crate) async fn open<C: Cloud<Search = S>>(
        cloud: &C,
        identity: &'a Identity,
        caller: &Caller,
    ) -> Result<Self, Problem> {
        Ok(Self { session: open(cloud, &identity.access(caller)).await?, identity })
    }

    /// The mapping; none when the role has none.
    pub(crate) async fn read(&self) -> Result<Option<Mapping>, Problem> {
        let Identity { role, endpoint, .. } = self.identity;
        let path = format!("{API}/{}", segment(role));
        match self.session.send(Method::Get, &path, None).await {
            Ok(answer) => Ok(answer.body.get(role).map(mapping)),
            Err(error) if error.refusal().is_some_and(|refusal| refusal.status == 404) => Ok(None),
            Err(source) => Err(Problem::search(format!(
                "cannot read who has role `{role}` on the domain at {endpoint}"
            ))(source)),
        }
    }

    /// Changes it. That somebody else changed it meanwhile is a text.
    pub(crate) async fn patch(&self, operations: Vec<Value>) -> Result<Option<String>, Problem> {
        let Identity { role, endpoint, .. } = self.identity;
        let Err(source) = self.session.send(Method::Patch, API, Some(&Value::Array(operations))).await else {
            return Ok(None);
        };
        let at = format!("role `{role}` on the domain at {endpoint}");
        let dead = |what: String, hint: &str| Err(Problem::Dead { what, hint: hint.to_owned() });
        match source.refusal() {
            Some(refusal) if refusal.says("out of bounds") || refusal.says("Missing field") => {
                Ok(Some("somebody else is changing the mapping".to_owned()))
            }
            Some(refusal) if refusal.status == 409 => {
                Ok(Some("somebody else is changing a mapping".to_owned()))
            }
            Some(refusal) if refusal.says("is reserved") || refusal.says("is not available") => {
                dead(format!("the mapping of {at} is reserved: {}", refusal.reason), RESERVED_HINT)
            }
            Some(refusal) if refusal.status == 404 => {
                dead(format!("there is no {at}: {}", refusal.reason), MISSING_HINT)
            }
            Some(_) | None => Err(Problem::search(format!("cannot change who has {at}"))(source)),
        }
    }

    /// The problem of a mapping that nobody can change.
    pub(crate) fn reserved(&self) -> Problem {
        let Identity { role, endpoint, .. } = self.identity;
        let what = format!("the mapping of role `{role}` on the domain at {endpoint} is reserved");
        Problem::Dead { what, hint: RESERVED_HINT.to_owned() }
    }
}

const RESERVED_HINT: &str = "Make a role of your own with the same permissions, and map that.";
const MISSING_HINT: &str = "Check Role: the built-in ones for replication are cross_cluster_replication_leader_full_access and \
     cross_cluster_replication_follower_full_access; make any other first.";

fn mapping(shown: &Value) -> Mapping {
    let names = |list: List| {
        let names = shown.get(list.name()).and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str).map(move |name| Entry { list, name: name.to_owned() })
    };
    let is_reserved = ["reserved", "hidden", "static"]
        .into_iter()
        .any(|flag| shown.get(flag).and_then(Value::as_bool) == Some(true));
    Mapping { entries: List::ALL.into_iter().flat_map(names).collect(), is_reserved }
}
