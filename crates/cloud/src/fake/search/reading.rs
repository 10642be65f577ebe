//! Reading an index: points in time, pages, documents by id, counts.

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::api::no_such_index;
use super::index::{Document, Index};
use super::node::Node;
use super::security::error;
use super::{Refused, Request};

/// A shard of an index as it was at some moment.
#[derive(Clone, Debug)]
pub(super) struct Point {
    index: String,
    /// By sequence number, and within one as they lie.
    documents: Vec<(i64, String, Document)>,
    ends: Instant,
}

/// An index as somebody finds it who may do this with it.
fn permitted<'a>(
    node: &'a mut Node,
    request: &Request<'_>,
    index: &str,
    action: &str,
) -> Result<&'a mut Index, Refused> {
    node.permit(request.user, action)?;
    node.indexes.get_mut(index).ok_or_else(|| no_such_index(index))
}

/// `POST /{index}/_refresh`: what was written is found from now on.
pub(super) fn refresh(node: &mut Node, request: &Request<'_>, index: &str) -> Result<Value, Refused> {
    let known = permitted(node, request, index, "indices:admin/refresh")?;
    known.searchable = known.documents.clone();
    Ok(json!({ "_shards": answered(known.shards()) }))
}

/// Every shard answered.
fn answered(count: u64) -> Value {
    json!({ "total": count, "successful": count, "skipped": 0, "failed": 0 })
}

/// `GET /{index}/_count`.
pub(super) fn count(node: &mut Node, request: &Request<'_>, index: &str) -> Result<Value, Refused> {
    let known = permitted(node, request, index, "indices:data/read/search")?;
    Ok(json!({ "count": known.searchable.len(), "_shards": answered(known.shards()) }))
}

/// `POST /{index}/_search/point_in_time`, of the shard that the preference names.
pub(super) fn open(node: &mut Node, request: &Request<'_>, index: &str) -> Result<Value, Refused> {
    let parameter = |name: &str| request.query.split('&').find_map(|pair| pair.strip_prefix(name));
    let preference = parameter("preference=").unwrap_or_default();
    let shard = preference.trim_start_matches("_shards:").split(['%', '|']).next().unwrap_or_default();
    let shard: u64 = shard.parse().unwrap_or_default();
    let known = permitted(node, request, index, "indices:data/read/point_in_time/create")?;
    let ends = request.now + keep_alive(parameter("keep_alive=").unwrap_or_default());
    let shards = known.shards();
    let inside = known.searchable.iter().filter(|(id, _)| shard_of(id, shards) == shard);
    let mut documents: Vec<_> =
        inside.map(|(id, document)| (known.place(id), id.clone(), document.clone())).collect();
    documents.sort_by_key(|(place, _, _)| *place);
    node.points_made += 1;
    let id = format!("point-{}", node.points_made);
    node.points.insert(id.clone(), Point { index: index.to_owned(), documents, ends });
    Ok(json!({ "pit_id": id, "_shards": answered(1) }))
}

/// `DELETE /_search/point_in_time`.
pub(super) fn close(node: &mut Node, request: &Request<'_>) -> Result<Value, Refused> {
    node.permit(request.user, "indices:data/read/point_in_time/delete")?;
    let ids = request.body.and_then(|body| body["pit_id"].as_array()).cloned().unwrap_or_default();
    for id in ids.iter().filter_map(Value::as_str) {
        // The service's word for everybody's.
        node.points.retain(|known, _| id != "_all" && known != id);
    }
    Ok(
        json!({ "pits": ids.iter().map(|id| json!({ "pit_id": id, "successful": true })).collect::<Vec<_>>() }),
    )
}

/// `POST /_search` with a point in time, sorted by `_seq_no`, and by `_doc` after it or not.
pub(super) fn search(node: &mut Node, request: &Request<'_>) -> Result<Value, Refused> {
    node.permit(request.user, "indices:data/read/search")?;
    let body = request.body.unwrap_or(&Value::Null);
    let at = |path: &str| body.pointer(path);
    let text = |path: &str| at(path).and_then(Value::as_str).unwrap_or_default();
    let id = text("/pit/id");
    let lost = || {
        let reason = json!({ "type": "search_context_missing_exception", "reason": "No search context found for id [1]" });
        let told = json!({
            "root_cause": [reason], "type": "search_phase_execution_exception", "reason": "all shards failed",
        });
        (404, json!({ "error": told, "status": 404 }))
    };
    let point = node.points.get_mut(id).filter(|point| point.ends > request.now).ok_or_else(lost)?;
    let (seq_no, doc) = (json!({ "_seq_no": "asc" }), json!({ "_doc": "asc" }));
    let sort = at("/sort").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !sort.starts_with(&[seq_no]) || (sort.len() > 1 && sort.get(1..) != Some(&[doc])) {
        return Err(error(400, "illegal_argument_exception", "this world sorts by _seq_no and _doc only"));
    }
    point.ends = request.now + keep_alive(text("/pit/keep_alive"));
    let after = at("/search_after").and_then(Value::as_array).cloned().unwrap_or_default();
    let after: Vec<_> = after.iter().filter_map(Value::as_i64).collect();
    let size = usize::try_from(at("/size").and_then(Value::as_u64).unwrap_or(10)).unwrap_or(10);
    let most = node.indexes.get(&point.index).and_then(Index::window).unwrap_or(10_000);
    if size > most {
        let words = format!(
            "Result window is too large, from + size must be less than or equal to: [{most}] but was [{size}]"
        );
        return Err(error(400, "illegal_argument_exception", &words));
    }
    let places = (0..).zip(&point.documents).map(|(lies, (place, id, document))| {
        let [place, lies] = [*place, lies];
        (if sort.len() > 1 { vec![place, lies] } else { vec![place] }, id, document)
    });
    let hits: Vec<_> = places
        .filter(|(place, _, _)| *place > after)
        .take(size)
        .map(|(place, id, document)| {
            json!({
                "_index": point.index, "_id": id, "_version": document.version, "_score": null,
                "_source": document.source, "sort": place,
            })
        })
        .collect();
    let total = json!({ "value": point.documents.len(), "relation": "eq" });
    let hits = if at("/track_total_hits") == Some(&json!(true)) {
        json!({ "total": total, "max_score": null, "hits": hits })
    } else {
        json!({ "max_score": null, "hits": hits })
    };
    Ok(json!({ "pit_id": id, "timed_out": false, "_shards": answered(1), "hits": hits }))
}

/// `POST /{index}/_mget`: what there is, whether it can be found already or not.
pub(super) fn get_many(node: &mut Node, request: &Request<'_>, index: &str) -> Result<Value, Refused> {
    let known = permitted(node, request, index, "indices:data/read/mget")?;
    let wanted = request.body.and_then(|body| body["docs"].as_array()).cloned().unwrap_or_default();
    let got = wanted.iter().map(|wanted| {
        let id = wanted["_id"].as_str().unwrap_or_default();
        match known.documents.get(id) {
            Some(document) => json!({
                "_index": index, "_id": id, "_version": document.version, "found": true,
                "_source": document.source,
            }),
            None => json!({ "_index": index, "_id": id, "found": false }),
        }
    });
    Ok(json!({ "docs": got.collect::<Vec<_>>() }))
}

fn shard_of(id: &str, shards: u64) -> u64 {
    id.bytes().map(u64::from).sum::<u64>() % shards.max(1)
}

/// `5m`, `30s`.
fn keep_alive(text: &str) -> Duration {
    let number = |end: char| text.strip_suffix(end).and_then(|number| number.parse().ok());
    let minutes = number('m').map(|minutes: u64| minutes * 60);
    Duration::from_secs(minutes.or_else(|| number('s')).unwrap_or_default())
}

impl crate::fake::World {
    /// How many points in time somebody holds open on a cluster.
    pub fn open_points(&self, host: &str) -> usize {
        let now = Instant::now();
        self.on_cluster(host, |node| node.points.values().filter(|point| point.ends > now).count())
    }

    /// Every point in time is lost, as when a node restarts.
    pub fn lose_points(&self, host: &str) {
        self.on_cluster(host, |node| node.points.clear());
    }
}
