//! The replication plugin's rules: what a leader has and the pattern matches is followed.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::node::{Node, Nodes};
use super::replication::{Start, begin, permit, roles};
use super::security::error;
use super::{Refused, Request};
use crate::Method;

const UPDATE: &str = "cluster:admin/plugins/replication/autofollow/update";
const STATS: &str = "indices:admin/plugins/replication/autofollow/stats";
/// How soon a rule looks for the first time, how often, and how many it starts at a time.
const FIRST: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 3;
/// When it tries again what failed.
const RETRY: Duration = Duration::from_hours(1);

/// A rule, and the task that runs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    name: String,
    alias: String,
    pattern: String,
    /// What the followers are called, where that is not the leader's name.
    naming: Option<String>,
    settings: Map<String, Value>,
    made: Instant,
    next: Instant,
    last: Option<Instant>,
    successes: u32,
    failed: Vec<(String, Instant)>,
    failed_calls: u32,
    /// The task ended by itself; the rule stays.
    is_dead: bool,
}

impl Rule {
    /// The follower's name of a leader's index.
    fn named(&self, index: &str) -> String {
        let renamed = self.naming.as_ref().map(|naming| naming.replace("{{leader_index}}", index));
        renamed.unwrap_or_else(|| index.to_owned())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = if self.is_dead { ", dead" } else { "" };
        write!(formatter, "rule {}:{} for {} {:?}{task}", self.alias, self.name, self.pattern, self.settings)
    }
}

/// True when a text fits a pattern with `*`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).filter_map(|at| left.get(at..)).any(|tail| matches(rest, tail))
        }),
    }
}

/// `_autofollow`.
pub(super) fn change(nodes: &mut Nodes, request: &Request<'_>) -> Result<Value, Refused> {
    let node = nodes.by_host.get(request.host).ok_or((0, Value::Null))?;
    node.permit(request.user, UPDATE)?;
    let invalid = |words: &str| error(400, "action_request_validation_exception", words);
    let body = request.body.ok_or_else(|| error(400, "parse_exception", "request body is required"))?;
    let (Some(alias), Some(name)) = (body["leader_alias"].as_str(), body["name"].as_str()) else {
        return Err(invalid("Validation Failed: 1: Missing leader_alias or name;"));
    };
    let key = (alias.to_owned(), name.to_owned());
    match request.method {
        Method::Post => {
            let pattern =
                body["pattern"].as_str().ok_or_else(|| invalid("Validation Failed: 1: Missing pattern;"))?;
            permit(nodes, request.host, request.user, alias, roles(body))?;
            let node = nodes.by_host.get_mut(request.host).ok_or((0, Value::Null))?;
            let naming = body["follower_index_pattern"].as_str().map(str::to_owned);
            if naming.is_some() && !node.names_followers {
                let words = "[1:59] [AutoFollowRequestParser] unknown field [follower_index_pattern]";
                return Err(error(400, "x_content_parse_exception", words));
            }
            if let Some(known) = node.rules.get_mut(&key) {
                // What is written down is overwritten first; the task goes on with what it knew.
                pattern.clone_into(&mut known.pattern);
                let cause = json!({
                    "type": "resource_already_exists_exception",
                    "reason": format!("task with id {{autofollow:{alias}:{name}}} already exist"),
                });
                let words = "Exisiting autofollow replication rule cannot be recreated/updated";
                let error = json!({ "root_cause": [cause], "type": "exception", "reason": words, "caused_by": cause });
                return Err((500, json!({ "error": error, "status": 500 })));
            }
            let rule = Rule {
                name: name.to_owned(),
                alias: alias.to_owned(),
                pattern: pattern.to_owned(),
                naming,
                settings: body["settings"].as_object().cloned().unwrap_or_default(),
                made: request.now,
                next: request.now + FIRST,
                last: None,
                successes: 0,
                failed: Vec::new(),
                failed_calls: 0,
                is_dead: false,
            };
            node.rules.insert(key, rule);
        }
        Method::Delete => {
            if body.get("pattern").is_some() {
                return Err(invalid("Validation Failed: 1: Unexpected pattern;"));
            }
            let node = nodes.by_host.get_mut(request.host).ok_or((0, Value::Null))?;
            node.rules.remove(&key).ok_or_else(|| {
                error(500, "exception", &format!("Autofollow replication rule {alias}:{name} does not exist"))
            })?;
        }
        Method::Get | Method::Put | Method::Patch => {
            return Err((
                405,
                json!({ "error": "Incorrect HTTP method for uri [/_plugins/_replication/_autofollow]" }),
            ));
        }
    }
    Ok(json!({ "acknowledged": true }))
}

/// `autofollow_stats`.
pub(super) fn stats(node: &Node, request: &Request<'_>) -> Result<Value, Refused> {
    node.permit(request.user, STATS)?;
    let shown = |rule: &Rule| {
        let failed: Vec<_> = rule.failed.iter().map(|(index, _)| index).collect();
        // Milliseconds since 1970; here, from an hour that is as good as any.
        let millis = |at: Instant| 1_795_252_000_000 + (at - rule.made).as_millis();
        json!({
            "name": rule.name,
            "pattern": rule.pattern,
            "num_success_start_replication": rule.successes,
            "num_failed_start_replication": failed.len(),
            "num_failed_leader_calls": rule.failed_calls,
            "failed_indices": failed,
            "last_execution_time": u64::try_from(rule.last.map_or(0, millis)).unwrap_or_default(),
        })
    };
    let rules: Vec<_> = node.rules.values().map(shown).collect();
    let failed: Vec<_> =
        node.rules.values().flat_map(|rule| rule.failed.iter().map(|(index, _)| index.clone())).collect();
    Ok(
        json!({ "num_failed_start_replication": failed.len(), "failed_indices": failed, "autofollow_stats": rules }),
    )
}

/// Every rule whose time it is looks.
pub(super) fn advance(nodes: &mut Nodes, now: Instant) {
    let due = |rule: &Rule| !rule.is_dead && rule.next <= now;
    let rules: Vec<_> = nodes
        .by_host
        .iter()
        .flat_map(|(host, node)| node.rules.values().map(|rule| (host.clone(), rule.clone())))
        .filter(|(_, rule)| due(rule))
        .collect();
    for (host, mut rule) in rules {
        while due(&rule) {
            let at = rule.next;
            rule.last = Some(at);
            rule.next = at + POLL;
            look(nodes, &host, &mut rule, at);
        }
        if let Some(node) = nodes.by_host.get_mut(&host) {
            node.rules.insert((rule.alias.clone(), rule.name.clone()), rule);
        }
    }
}

fn look(nodes: &mut Nodes, host: &str, rule: &mut Rule, now: Instant) {
    rule.failed.retain(|(_, since)| now < *since + RETRY);
    let Some(leader) = nodes.remotes.get(&(host.to_owned(), rule.alias.clone())) else { return };
    let Some(leader) = nodes.by_host.get(leader) else { return };
    if leader.is_down {
        rule.failed_calls += 1;
        return;
    }
    let Some(node) = nodes.by_host.get(host) else { return };
    let has_failed = |index: &String| rule.failed.iter().any(|(failed, _)| failed == index);
    let wanted: Vec<_> = leader
        .indexes
        .keys()
        .filter(|index| {
            matches(&rule.pattern, index)
                && !node.indexes.contains_key(&rule.named(index))
                && !has_failed(index)
        })
        .take(AT_ONCE)
        .cloned()
        .collect();
    for index in wanted {
        let fails = nodes.by_host.get(host).is_some_and(|node| node.unstartable.contains(&index));
        if fails {
            rule.failed.push((index, now));
            continue;
        }
        let settings = rule.settings.clone();
        let follower_index = rule.named(&index);
        let start =
            Start { index: &follower_index, alias: &rule.alias, leader_index: &index, roles: None, settings };
        if begin(nodes, host, &start, now).is_ok() {
            rule.successes += 1;
        }
    }
}

impl crate::fake::World {
    /// The rules of a cluster, as `alias:name pattern`.
    pub fn rules(&self, host: &str) -> Vec<String> {
        self.on_cluster(host, |node| node.rules.values().map(ToString::to_string).collect())
    }

    /// Somebody makes a rule.
    pub fn rule_by_hand(&self, host: &str, alias: &str, name: &str, pattern: &str) {
        let rule = Rule {
            name: name.to_owned(),
            alias: alias.to_owned(),
            pattern: pattern.to_owned(),
            naming: None,
            settings: Map::new(),
            made: Instant::now(),
            next: Instant::now() + FIRST,
            last: None,
            successes: 0,
            failed: Vec::new(),
            failed_calls: 0,
            is_dead: false,
        };
        self.on_cluster(host, |node| node.rules.insert((alias.to_owned(), name.to_owned()), rule));
    }

    /// Somebody deletes a rule.
    pub fn delete_rule_by_hand(&self, host: &str, alias: &str, name: &str) {
        self.on_cluster(host, |node| node.rules.remove(&(alias.to_owned(), name.to_owned())));
    }

    /// The task of a rule ends, as it does after a refusal; the rule stays.
    pub fn kill_rule(&self, host: &str, alias: &str, name: &str) {
        self.on_cluster(host, |node| {
            if let Some(rule) = node.rules.get_mut(&(alias.to_owned(), name.to_owned())) {
                rule.is_dead = true;
            }
        });
    }
}
