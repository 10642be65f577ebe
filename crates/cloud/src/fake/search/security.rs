//! The security plugin: who may do what, and its API for role mappings.

use serde_json::{Map, Value, json};

use super::node::Node;
use super::{Refused, Request, User};
use crate::Method;

/// The lists of a mapping.
const LISTS: [&str; 4] = ["hosts", "users", "backend_roles", "and_backend_roles"];

/// The roles that every domain has, as far as replication goes.
pub(super) fn built_in() -> Vec<(String, Vec<String>)> {
    let role = |name: &str, actions: &[&str]| {
        (name.to_owned(), actions.iter().map(|action| (*action).to_owned()).collect())
    };
    vec![
        role("all_access", &["*"]),
        role(
            "cross_cluster_replication_leader_full_access",
            &[
                "indices:admin/plugins/replication/index/setup/validate",
                "indices:data/read/plugins/replication/*",
            ],
        ),
        role(
            "cross_cluster_replication_follower_full_access",
            &[
                "cluster:admin/plugins/replication/autofollow/update",
                "indices:admin/plugins/replication/index/setup/validate",
                "indices:admin/plugins/replication/index/start",
                "indices:admin/plugins/replication/index/pause",
                "indices:admin/plugins/replication/index/resume",
                "indices:admin/plugins/replication/index/stop",
                "indices:admin/plugins/replication/index/update",
                "indices:admin/plugins/replication/index/status_check",
            ],
        ),
    ]
}

impl Node {
    /// The roles that somebody is mapped to.
    pub(super) fn roles_of(&self, user: &User) -> Vec<String> {
        let lists = |mapping: &Value, list: &str, wanted: &str| {
            mapping[list].as_array().is_some_and(|entries| entries.iter().any(|entry| entry == wanted))
        };
        let is_mapped = |mapping: &Value| {
            lists(mapping, "users", &user.name)
                || user.backend_roles.iter().any(|role| lists(mapping, "backend_roles", role))
        };
        self.mappings.iter().filter(|(_, mapping)| is_mapped(mapping)).map(|(role, _)| role.clone()).collect()
    }

    /// Refuses what none of his roles allows.
    pub(super) fn permit(&self, user: &User, action: &str) -> Result<(), Refused> {
        let allows = |role: &String| {
            self.roles.get(role).into_iter().flatten().any(|pattern| super::rules::matches(pattern, action))
        };
        if self.roles_of(user).iter().any(allows) {
            return Ok(());
        }
        Err(error(403, "security_exception", &format!("no permissions for [{action}] and {user}")))
    }

    /// Refuses somebody who is not mapped to this role.
    pub(super) fn demand_role(&self, user: &User, role: &str) -> Result<(), Refused> {
        if self.roles_of(user).iter().any(|mapped| mapped == role) {
            return Ok(());
        }
        Err(error(403, "security_exception", &format!("No mapping for {user} on roles [{role}]")))
    }
}

impl std::fmt::Display for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let roles = self.backend_roles.join(", ");
        write!(formatter, "User [name={}, backend_roles=[{roles}], requestedTenant=null]", self.name)
    }
}

/// An error of the cluster.
pub(super) fn error(status: u16, kind: &str, reason: &str) -> Refused {
    let error = json!({ "root_cause": [{ "type": kind, "reason": reason }], "type": kind, "reason": reason });
    (status, json!({ "error": error, "status": status }))
}

/// An error of the security plugin's own API.
fn refuse(status: u16, name: &str, message: &str) -> Refused {
    (status, json!({ "status": name, "message": message }))
}

/// `_plugins/_security/api/rolesmapping`, and below it one role's.
pub(super) fn role_mappings(
    node: &mut Node,
    request: &Request<'_>,
    role: Option<&str>,
) -> Result<Value, Refused> {
    let user = request.user;
    let roles = node.roles_of(user);
    if !roles.iter().any(|role| role == "all_access") {
        let message = format!(
            "No permission to access REST API: User {} with Security roles {roles:?} does not have any role privileged \
             for admin access. No ssl info found in request.",
            user.name
        );
        return Err(refuse(403, "FORBIDDEN", &message));
    }
    match (request.method, role) {
        (Method::Get, Some(role)) => match node.mappings.get(role) {
            Some(mapping) => Ok(json!({ role: shown(mapping) })),
            None => Err(refuse(404, "NOT_FOUND", &format!("rolesmapping '{role}' not found."))),
        },
        (Method::Patch, None) => {
            let operations =
                request.body.and_then(Value::as_array).filter(|operations| !operations.is_empty());
            let operations = operations.ok_or_else(|| refuse(400, "BAD_REQUEST", "Wrong request body"))?;
            let patched = operations.iter().try_fold(node.mappings.clone(), patch)?;
            for (role, mapping) in &patched {
                if node.mappings.get(role) == Some(mapping) {
                    continue;
                }
                if !node.roles.contains_key(role) {
                    return Err(refuse(404, "NOT_FOUND", &format!("role '{role}' not found.")));
                }
                if node.mappings.get(role).is_some_and(|mapping| mapping["reserved"] == true) {
                    return Err(refuse(403, "FORBIDDEN", &format!("Resource '{role}' is reserved.")));
                }
            }
            node.mappings = patched;
            Ok(json!({ "status": "OK", "message": "Resource updated." }))
        }
        _ => Err(refuse(405, "METHOD_NOT_ALLOWED", "this world knows no such call")),
    }
}

/// Lists that were never given are shown empty.
fn shown(mapping: &Value) -> Value {
    let is_reserved = mapping.get("reserved").and_then(Value::as_bool).unwrap_or_default();
    let lists = LISTS
        .into_iter()
        .map(|list| (list.to_owned(), mapping.get(list).cloned().unwrap_or_else(|| json!([]))));
    let flags = [("reserved".to_owned(), is_reserved.into()), ("hidden".to_owned(), false.into())];
    lists.chain(flags).collect::<Map<_, _>>().into()
}

/// One operation of a JSON Patch. The real one knows these three, and no `test`; its lists are there only once given.
fn patch(mut mappings: Map<String, Value>, operation: &Value) -> Result<Map<String, Value>, Refused> {
    let bad = |message: String| refuse(400, "BAD_REQUEST", &message);
    let (op, path) =
        (operation["op"].as_str().unwrap_or_default(), operation["path"].as_str().unwrap_or_default());
    if !["add", "remove", "replace"].contains(&op) {
        return Err(bad(format!("Unsupported patch operation: {op}. Supported are: remove,add,replace")));
    }
    let parts: Vec<_> =
        path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let missing = |name: &str| bad(format!("Missing field \"{name}\""));
    let value = operation["value"].clone();
    match parts.as_slice() {
        [role] if op == "add" => drop(mappings.insert(role.clone(), value)),
        [role] => drop(mappings.remove(role).ok_or_else(|| missing(role))?),
        [role, list] => {
            let mapping = mappings.get_mut(role).ok_or_else(|| missing(role))?;
            mapping[list.as_str()] = if op == "remove" { json!([]) } else { value };
        }
        [role, list, index] => {
            let mapping = mappings.get_mut(role).ok_or_else(|| missing(role))?;
            let entries = mapping.get_mut(list).and_then(Value::as_array_mut).ok_or_else(|| missing(list))?;
            let at = if index == "-" { entries.len() } else { index.parse().unwrap_or(usize::MAX) };
            let end = if op == "add" { entries.len() + 1 } else { entries.len() };
            if at >= end {
                return Err(bad(format!("Array index {index} out of bounds")));
            }
            match op {
                "add" => entries.insert(at, value),
                "remove" => drop(entries.remove(at)),
                _ => entries.splice(at..=at, [value]).for_each(drop),
            }
        }
        _ => return Err(bad(format!("no such path: {path}"))),
    }
    Ok(mappings)
}
