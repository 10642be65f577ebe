//! Which part of a cluster answers which call.

use serde_json::{Value, json};

use super::node::Nodes;
use super::security::{error, role_mappings};
use super::{Refused, Request, reading, replication, rules};
use crate::Method;

pub(super) fn answer(nodes: &mut Nodes, request: &Request<'_>) -> Result<Value, Refused> {
    let Some(node) = nodes.by_host.get_mut(request.host) else { return Err((0, Value::Null)) };
    match (request.method, request.path.as_slice()) {
        (_, ["_plugins", "_security", "api", "rolesmapping"]) => role_mappings(node, request, None),
        (_, ["_plugins", "_security", "api", "rolesmapping", role]) => {
            role_mappings(node, request, Some(role))
        }
        (_, ["_plugins", "_replication", "_autofollow"]) => rules::change(nodes, request),
        (Method::Get, ["_plugins", "_replication", "autofollow_stats"]) => rules::stats(node, request),
        (_, ["_plugins", "_replication", index, call]) => replication::call(nodes, request, index, call),
        (Method::Get, ["_resolve", "index", pattern]) => {
            node.permit(request.user, "indices:admin/resolve/index")?;
            let names = node.indexes.keys().filter(|name| rules::matches(pattern, name));
            let found: Vec<_> = names.map(|name| json!({ "name": name, "attributes": ["open"] })).collect();
            Ok(json!({ "indices": found, "aliases": [], "data_streams": [] }))
        }
        (Method::Get, [index, "_settings", name]) => {
            node.permit(request.user, "indices:monitor/settings/get")?;
            node.indexes.get(*index).ok_or_else(|| no_such_index(index))?;
            let source = node.replications.get(*index).map(replication::Replication::source);
            Ok(json!({ *index: { "settings": { *name: source } } }))
        }
        (Method::Get, [index]) => {
            node.permit(request.user, "indices:admin/get")?;
            let found = node.indexes.get(*index).ok_or_else(|| no_such_index(index))?;
            Ok(json!({ *index: {
                "aliases": found.aliases, "mappings": found.mappings,
                "settings": found.shown_settings(request.host, index),
            } }))
        }
        (Method::Post, [index, "_refresh"]) => reading::refresh(node, request, index),
        (Method::Get, [index, "_count"]) => reading::count(node, request, index),
        (Method::Post, [index, "_search", "point_in_time"]) => reading::open(node, request, index),
        (Method::Delete, ["_search", "point_in_time"]) => reading::close(node, request),
        (Method::Post, ["_search"]) => reading::search(node, request),
        (Method::Post, [index, "_mget"]) => reading::get_many(node, request, index),
        (Method::Delete, [index]) => {
            node.permit(request.user, "indices:admin/delete")?;
            if node.replications.contains_key(*index) {
                return Err(replication::blocked(index));
            }
            node.indexes
                .remove(*index)
                .map(|_| json!({ "acknowledged": true }))
                .ok_or_else(|| no_such_index(index))
        }
        _ => {
            let (path, method) = (request.path.join("/"), request.method.name());
            Err((
                400,
                json!({ "error": format!("no handler found for uri [/{path}] and method [{method}]") }),
            ))
        }
    }
}

pub(super) fn no_such_index(index: &str) -> Refused {
    error(404, "index_not_found_exception", &format!("no such index [{index}]"))
}
