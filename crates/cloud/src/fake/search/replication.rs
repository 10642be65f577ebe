//! The replication plugin's calls about one index: start, status, pause, resume, stop, update.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::api::no_such_index;
use super::index::Index;
use super::node::{Node, Nodes};
use super::security::error;
use super::{Refused, Request, User};
use crate::Method;

/// From the start until the documents are there, where a test says nothing else.
const BOOTSTRAP: Duration = Duration::from_secs(2);
/// How long the plugin takes to notice that what it follows is gone.
const NOTICES: Duration = Duration::from_secs(5);
/// How long the leader keeps what a paused follower lacks.
const LEASE: Duration = Duration::from_hours(12);
const ACTION: &str = "indices:admin/plugins/replication/index";

/// An index that follows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Replication {
    alias: String,
    leader_index: String,
    settings: Map<String, Value>,
    /// When all documents are there that were there at the start.
    bootstrapped: Instant,
    state: State,
    /// Of the leader index that was copied.
    generation: u64,
    lost_since: Option<Instant>,
    /// Until when it applies nothing, because it has too much to do.
    lags_until: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Running,
    Paused { reason: String, since: Instant },
    Failed { reason: String },
}

impl Replication {
    /// As the setting of the index names it.
    pub(super) fn source(&self) -> String {
        format!("{}:{}", self.alias, self.leader_index)
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Running => "running".to_owned(),
            State::Paused { reason, .. } => format!("paused: {reason}"),
            State::Failed { reason } => format!("failed: {reason}"),
        };
        write!(formatter, "{}:{} {:?}, {state}", self.alias, self.leader_index, self.settings)
    }
}

/// What a start asks for.
pub(super) struct Start<'a> {
    pub(super) index: &'a str,
    pub(super) alias: &'a str,
    pub(super) leader_index: &'a str,
    pub(super) roles: Option<(&'a str, &'a str)>,
    pub(super) settings: Map<String, Value>,
}

pub(super) fn call(
    nodes: &mut Nodes,
    request: &Request<'_>,
    index: &str,
    call: &str,
) -> Result<Value, Refused> {
    let (user, now) = (request.user, request.now);
    match (request.method, call) {
        (Method::Put, "_start") => {
            follower(nodes, request)?.permit(user, &format!("{ACTION}/start"))?;
            let body = request.body.ok_or_else(no_body)?;
            let text = |name: &str| body[name].as_str();
            let (Some(alias), Some(leader_index)) = (text("leader_alias"), text("leader_index")) else {
                let words = "Validation Failed: 1: Mandatory params [leader_alias, leader_index] are missing for the request;";
                return Err(error(400, "action_request_validation_exception", words));
            };
            let settings = body["settings"].as_object().cloned().unwrap_or_default();
            let start = Start { index, alias, leader_index, roles: roles(body), settings };
            check(nodes, request.host, user, &start)?;
            begin(nodes, request.host, &start, now)
        }
        (Method::Get, "_status") => {
            follower(nodes, request)?.permit(user, &format!("{ACTION}/status_check"))?;
            status(nodes, request.host, index, now)
        }
        (Method::Post | Method::Put, "_stop" | "_pause" | "_resume" | "_update") => {
            let action = call.trim_start_matches('_');
            follower(nodes, request)?.permit(user, &format!("{ACTION}/{action}"))?;
            let body = request.body.ok_or_else(no_body)?;
            change(nodes, request.host, index, action, body, now)
        }
        _ => Err((
            405,
            json!({ "error": format!("Incorrect HTTP method for uri [/{}]", request.path.join("/")) }),
        )),
    }
}

fn follower<'a>(nodes: &'a mut Nodes, request: &Request<'_>) -> Result<&'a mut Node, Refused> {
    nodes.by_host.get_mut(request.host).ok_or((0, Value::Null))
}

fn no_body() -> Refused {
    error(400, "parse_exception", "request body or source parameter is required")
}

/// The roles that a body names: the leader's and the follower's.
pub(super) fn roles(body: &Value) -> Option<(&str, &str)> {
    let roles = body.get("use_roles")?;
    Some((roles["leader_cluster_role"].as_str()?, roles["follower_cluster_role"].as_str()?))
}

/// Who may follow what by which connection. The leader by its host.
pub(super) fn permit<'a>(
    nodes: &'a Nodes,
    host: &str,
    user: &User,
    alias: &str,
    roles: Option<(&str, &str)>,
) -> Result<&'a Node, Refused> {
    let forbidden = |reason: &str| error(403, "security_exception", reason);
    let (leader_role, follower_role) =
        roles.ok_or_else(|| forbidden("Follower roles are mandatory for replication"))?;
    let leader = leader(nodes, host, alias)?;
    leader.permit(user, &format!("{ACTION}/setup/validate"))?;
    nodes.by_host.get(host).ok_or((0, Value::Null))?.demand_role(user, follower_role)?;
    leader.demand_role(user, leader_role)?;
    Ok(leader)
}

fn leader<'a>(nodes: &'a Nodes, host: &str, alias: &str) -> Result<&'a Node, Refused> {
    let known = nodes.remotes.get(&(host.to_owned(), alias.to_owned()));
    let leader = known.and_then(|leader| nodes.by_host.get(leader)).ok_or_else(|| {
        error(404, "no_such_remote_cluster_exception", &format!("no such remote cluster: [{alias}]"))
    })?;
    if leader.is_down {
        return Err(error(500, "connect_transport_exception", "[][127.0.0.1:19300] connect_exception"));
    }
    Ok(leader)
}

fn check(nodes: &Nodes, host: &str, user: &User, start: &Start<'_>) -> Result<(), Refused> {
    let leader = permit(nodes, host, user, start.alias, start.roles)?;
    if !leader.indexes.contains_key(start.leader_index) {
        return Err(no_such_index(start.leader_index));
    }
    let refuse = |words: String| Err(error(400, "illegal_argument_exception", &words));
    if leader.replications.contains_key(start.leader_index) {
        return refuse(format!("Cannot Replicate a Replicated Index {}", start.leader_index));
    }
    known_settings(&start.settings)?;
    if nodes.by_host.get(host).is_some_and(|node| node.indexes.contains_key(start.index)) {
        return refuse(format!(
            "Cant use same index again for replication. Delete the index:{}",
            start.index
        ));
    }
    Ok(())
}

fn known_settings(settings: &Map<String, Value>) -> Result<(), Refused> {
    match settings.keys().find(|name| name.contains("nonsense")) {
        Some(name) => {
            let words =
                format!("unknown setting [{name}] please check that any required plugins are installed");
            Err(error(400, "settings_exception", &words))
        }
        None => Ok(()),
    }
}

/// Makes the follower index; its documents come later.
pub(super) fn begin(
    nodes: &mut Nodes,
    host: &str,
    start: &Start<'_>,
    now: Instant,
) -> Result<Value, Refused> {
    let source = leader(nodes, host, start.alias)?.indexes.get(start.leader_index);
    let source_generation = source.ok_or_else(|| no_such_index(start.leader_index))?.generation;
    let node = nodes.by_host.get_mut(host).ok_or((0, Value::Null))?;
    let state = if node.unstartable.contains(start.leader_index) {
        let reason = format!("Unable to initiate restore call for {} from {}:{0}", start.index, start.alias);
        State::Failed { reason }
    } else {
        node.generation += 1;
        node.indexes.insert(start.index.to_owned(), Index::new(node.generation));
        State::Running
    };
    let replication = Replication {
        alias: start.alias.to_owned(),
        leader_index: start.leader_index.to_owned(),
        settings: start.settings.clone(),
        bootstrapped: now + node.bootstrap.unwrap_or(BOOTSTRAP),
        state,
        generation: source_generation,
        lost_since: None,
        lags_until: None,
    };
    node.replications.insert(start.index.to_owned(), replication);
    Ok(json!({ "acknowledged": true }))
}

fn status(nodes: &Nodes, host: &str, index: &str, now: Instant) -> Result<Value, Refused> {
    let idle = Ok(json!({ "status": "REPLICATION NOT IN PROGRESS" }));
    let Some(node) = nodes.by_host.get(host) else { return idle };
    let Some(replication) = node.replications.get(index) else { return idle };
    let told = |status: &str, reason: &str| {
        json!({
            "status": status, "reason": reason, "leader_alias": replication.alias,
            "leader_index": replication.leader_index, "follower_index": index,
        })
    };
    match &replication.state {
        State::Paused { reason, .. } => return Ok(told("PAUSED", reason)),
        State::Failed { reason } => return Ok(told("FAILED", reason)),
        State::Running => {}
    }
    let source = match leader(nodes, host, &replication.alias) {
        Ok(leader) => leader.indexes.get(&replication.leader_index),
        Err((404, _)) => None,
        Err(_) => return Err(error(500, "replication_exception", "failed to fetch replication status")),
    };
    let Some(source) = source else { return idle };
    if now < replication.bootstrapped {
        return Ok(told("BOOTSTRAPPING", "User initiated"));
    }
    let behind = node.indexes.get(index).map_or(-1, |copy| copy.operations - 1);
    let details = json!({
        "leader_checkpoint": source.operations - 1, "follower_checkpoint": behind, "seq_no": behind + 1,
    });
    let mut syncing = told("SYNCING", "User initiated");
    if let Some(members) = syncing.as_object_mut() {
        members.insert("syncing_details".to_owned(), details);
    }
    Ok(syncing)
}

fn change(
    nodes: &mut Nodes,
    host: &str,
    index: &str,
    action: &str,
    body: &Value,
    now: Instant,
) -> Result<Value, Refused> {
    let idle =
        || error(400, "illegal_argument_exception", &format!("No replication in progress for index:{index}"));
    let node = nodes.by_host.get(host).ok_or((0, Value::Null))?;
    let mut replication = node.replications.get(index).cloned().ok_or_else(idle)?;
    let is_bootstrapping = replication.state == State::Running && now < replication.bootstrapped;
    match (action, &replication.state) {
        ("stop", _) => {
            let node = nodes.by_host.get_mut(host).ok_or((0, Value::Null))?;
            node.replications.remove(index);
            if is_bootstrapping {
                node.indexes.remove(index);
            }
            return Ok(json!({ "acknowledged": true }));
        }
        ("update", _) => {
            let settings = body.get("settings").unwrap_or(body).as_object().cloned().unwrap_or_default();
            known_settings(&settings)?;
            replication.settings = settings;
        }
        ("pause", State::Running) if is_bootstrapping => {
            let words = format!(
                "Index is in restore phase currently for index: {index}. You can pause after restore completes."
            );
            return Err(error(500, "exception", &words));
        }
        ("pause", State::Running) => {
            replication.state = State::Paused { reason: "User initiated".to_owned(), since: now };
        }
        ("resume", State::Paused { since, .. }) => {
            let source = leader(nodes, host, &replication.alias)?.indexes.get(&replication.leader_index);
            let source = source.ok_or_else(|| no_such_index(&replication.leader_index))?;
            if source.generation != replication.generation || now > *since + LEASE {
                let words =
                    format!("Retention lease doesn't exist. Replication can't be resumed for {index}");
                return Err(error(404, "resource_not_found_exception", &words));
            }
            replication.state = State::Running;
        }
        _ => {
            let words = format!("Replication on Index {index} is already running");
            return Err(error(400, "resource_already_exists_exception", &words));
        }
    }
    let node = nodes.by_host.get_mut(host).ok_or((0, Value::Null))?;
    node.replications.insert(index.to_owned(), replication);
    Ok(json!({ "acknowledged": true }))
}

/// What nobody may do to an index that follows.
pub(super) fn blocked(index: &str) -> Refused {
    let words =
        format!("index [{index}] blocked by: [FORBIDDEN/1000/index read-only(cross-cluster-replication)];");
    error(403, "cluster_block_exception", &words)
}

/// Everything that follows gets what its leader has, or notices that it is gone.
pub(super) fn advance(nodes: &mut Nodes, now: Instant) {
    let hosts: Vec<_> = nodes.by_host.keys().cloned().collect();
    for host in hosts {
        let followed = nodes.by_host.get(&host).map(|node| node.replications.clone()).unwrap_or_default();
        for (index, mut replication) in followed.into_iter().filter(|(_, it)| it.state == State::Running) {
            let source = match leader(nodes, &host, &replication.alias) {
                Ok(leader) => leader.indexes.get(&replication.leader_index).cloned(),
                Err((404, _)) => None,
                Err(_) => continue,
            };
            let same = source.filter(|source| source.generation == replication.generation);
            let copy = same.filter(|_| now >= replication.bootstrapped);
            match &copy {
                None if now >= replication.bootstrapped => {
                    let since = *replication.lost_since.get_or_insert(now);
                    if now >= since + NOTICES {
                        let reason = format!(
                            "AutoPaused:  + [[{index}][0] - org.opensearch.index.IndexNotFoundException - \"no such index \
                             [{}]\"], ",
                            replication.leader_index
                        );
                        replication.state = State::Paused { reason, since };
                    }
                }
                None => {}
                Some(_) => replication.lost_since = None,
            }
            let Some(node) = nodes.by_host.get_mut(&host) else { continue };
            let copy = copy.filter(|_| replication.lags_until.is_none_or(|until| now >= until));
            if let (Some(source), Some(known)) = (copy, node.indexes.get_mut(&index)) {
                let generation = known.generation;
                let (searchable, lost) = (known.searchable.clone(), known.lost.clone());
                *known = Index { searchable, lost, generation, ..source };
                known.lose_again();
                known.configure("", &replication.settings);
            }
            node.replications.insert(index, replication);
        }
    }
}

impl crate::fake::World {
    /// Somebody pauses what follows.
    pub fn pause_by_hand(&self, host: &str, index: &str) {
        self.on_cluster(host, |node| {
            if let Some(replication) = node.replications.get_mut(index) {
                replication.state =
                    State::Paused { reason: "User initiated".to_owned(), since: Instant::now() };
            }
        });
    }

    /// The plugin gives up on what follows.
    pub fn break_replication(&self, host: &str, index: &str) {
        self.on_cluster(host, |node| {
            if let Some(replication) = node.replications.get_mut(index) {
                replication.state = State::Failed { reason: "AutoPaused: not any more".to_owned() };
            }
        });
    }

    /// What follows is behind for so long, while it is SYNCING.
    pub fn lag(&self, host: &str, index: &str, span: Duration) {
        self.on_cluster(host, |node| {
            if let Some(replication) = node.replications.get_mut(index) {
                replication.lags_until = Some(Instant::now() + span);
            }
        });
    }

    /// Somebody stops what follows.
    pub fn stop_by_hand(&self, host: &str, index: &str) {
        self.on_cluster(host, |node| node.replications.remove(index));
    }

    /// Somebody makes an index follow another.
    pub fn follow_by_hand(&self, host: &str, index: &str, alias: &str, leader_index: &str) {
        let start = Start { index, alias, leader_index, roles: None, settings: Map::new() };
        drop(begin(&mut self.now().nodes, host, &start, Instant::now()));
    }

    /// True while an index follows, paused or not.
    pub fn follows(&self, host: &str, index: &str) -> bool {
        self.on_cluster(host, |node| node.replications.contains_key(index))
    }

    /// How many indexes of a cluster follow.
    pub fn following(&self, host: &str) -> usize {
        self.on_cluster(host, |node| node.replications.len())
    }
}
