//! What an index is like, and in which of it two indexes differ. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::question::Shape;

/// Settings that belong to one index, one cluster or the replication itself; no mechanism copies them.
///
/// The replication plugin never copies blocks, allocation, the period of retention leases and how many copies must be
/// active (cross-cluster-replication, `IndexReplicationTask`); on the leader it sets the size of a translog generation.
const OWN: [&str; 18] = [
    "index.uuid",
    "index.history.uuid",
    "index.creation_date",
    "index.provided_name",
    "index.version",
    "index.resize",
    "index.verified_before_close",
    "index.blocks",
    "index.routing.allocation",
    "index.routing.rebalance",
    "index.unassigned",
    "index.soft_deletes.retention_lease",
    "index.write.wait_for_active_shards",
    "index.plugins.replication",
    "index.translog.generation_threshold_size",
    "index.replication.type",
    "index.remote_store",
    "index.plugins.index_state_management",
];

/// Settings that say what holds without them: somebody set them back, or an index was shrunk.
const DEFAULTS: [(&str, &str); 2] = [(AUTO_EXPAND, "false"), ("index.routing_partition_size", "1")];
/// With it a cluster decides by its nodes how many copies there are.
const AUTO_EXPAND: &str = "index.auto_expand_replicas";
const REPLICAS: &str = "index.number_of_replicas";

/// In which part of an index something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// There is no such index.
    Index,
    /// Its mappings.
    Mappings,
    /// Its settings.
    Settings,
    /// Its aliases.
    Aliases,
}

/// Something beside the documents that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub part: Part,
    /// What, in one sentence.
    pub sentence: String,
}

/// From what a domain says of an index.
pub(crate) fn shape(described: &Value, documents: u64) -> Shape {
    let member = |name: &str| described.get(name).cloned().unwrap_or_default();
    let mut settings = BTreeMap::new();
    flatten("", &member("settings"), &mut settings);
    let shards = settings.get("index.number_of_shards").and_then(number).unwrap_or(1);
    let uuid = settings.get("index.uuid").and_then(Value::as_str).map(str::to_owned);
    settings.retain(|name, value| {
        !DEFAULTS.iter().any(|default| (name.as_str(), &*value) == (default.0, &default.1.into()))
    });
    settings.retain(|name, _| !OWN.iter().any(|own| is_below(name, own)));
    let aliases = match member("aliases") {
        Value::Object(aliases) => aliases.into_iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            BTreeMap::new()
        }
    };
    Shape { uuid, documents, shards, mappings: member("mappings"), settings, aliases }
}

fn number(value: &Value) -> Option<u32> {
    value.as_str().map_or_else(|| value.as_u64()?.try_into().ok(), |text| text.parse().ok())
}

fn is_below(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The names of settings as somebody wrote them: nested, dotted, or both.
pub fn setting_names(settings: &Map<String, Value>) -> BTreeSet<String> {
    let mut flat = BTreeMap::new();
    flatten("", &Value::Object(settings.clone()), &mut flat);
    flat.into_keys().collect()
}

/// Names of settings in full, however they are nested.
fn flatten(prefix: &str, value: &Value, flat: &mut BTreeMap<String, Value>) {
    if let Some(members) = value.as_object().filter(|members| !members.is_empty()) {
        for (name, member) in members {
            let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            flatten(&full, member, flat);
        }
    } else if !prefix.is_empty() {
        flat.insert(prefix.to_owned(), value.clone());
    }
}

/// What differs, and what does but is no fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) found: Vec<Finding>,
    pub(crate) notes: Vec<String>,
}

/// Holds two indexes against each other. `overrides` are the settings that were wanted to be otherwise on the follower.
///
/// A field that only the leader's mapping has is no fault where `is_replicated`: replication brings a mapping with the
/// first document that uses it.
pub(crate) fn findings(
    leader: &Shape,
    follower: &Shape,
    overrides: &BTreeSet<String>,
    is_replicated: bool,
) -> Findings {
    let mut findings = Findings::default();
    let (ours, theirs) = (flat(&leader.mappings), flat(&follower.mappings));
    for (name, pair) in unequal(&ours, &theirs) {
        let (field, rest) = field(name);
        match pair {
            (Some(_), None) if is_replicated && is_addition(name, &theirs) => findings.notes.push(format!(
                "{field} is mapped only on the leader: replication brings it with the first document that uses it"
            )),
            pair => findings.add(Part::Mappings, told(&format!("the mapping of {field}{rest}"), pair)),
        }
    }
    for (name, pair) in unequal(&leader.settings, &follower.settings) {
        let is_wanted = overrides.iter().any(|wanted| is_below(name, &full(wanted)));
        let is_by_nodes =
            name == REPLICAS && [leader, follower].iter().any(|side| side.settings.contains_key(AUTO_EXPAND));
        if !is_wanted && !is_by_nodes {
            findings.add(Part::Settings, told(&format!("the setting `{name}`"), pair));
        }
    }
    for (name, pair) in unequal(&leader.aliases, &follower.aliases) {
        findings.add(Part::Aliases, told(&format!("the alias `{name}`"), pair));
    }
    findings.notes.dedup();
    findings
}

impl Findings {
    fn add(&mut self, part: Part, sentence: String) {
        self.found.push(Finding { part, sentence });
    }
}

/// A setting's name with `index.` before it, which may be left out.
fn full(name: &str) -> String {
    if name.starts_with("index.") { name.to_owned() } else { format!("index.{name}") }
}

/// Whether the other side lacks the whole field and not only something of it.
fn is_addition(name: &str, other: &BTreeMap<String, Value>) -> bool {
    let Some((field, _)) = name.rsplit_once('.').filter(|(field, _)| field.starts_with("properties.")) else {
        return false;
    };
    // Below the last `properties` or `fields` there is the field itself.
    let parts: Vec<_> = field.split('.').collect();
    let depth = parts.iter().rposition(|part| *part == "properties").map_or(parts.len(), |at| at + 2);
    let own = parts.get(..depth.min(parts.len())).unwrap_or_default().join(".");
    !other.keys().any(|known| is_below(known, &own))
}

/// `properties.a.properties.b.type` as "`a.b`" and " (type)".
fn field(name: &str) -> (String, String) {
    let mut parts = name.split('.');
    let (mut path, mut rest) = (Vec::new(), Vec::new());
    while let Some(part) = parts.next() {
        if rest.is_empty() && (part == "properties" || part == "fields") {
            path.extend(parts.next());
        } else {
            rest.push(part);
        }
    }
    let rest = if rest.is_empty() { String::new() } else { format!(" ({})", rest.join(".")) };
    (if path.is_empty() { "the index".to_owned() } else { format!("`{}`", path.join(".")) }, rest)
}

fn flat(mappings: &Value) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    flatten("", mappings, &mut flat);
    flat
}

type Pair<'a> = (Option<&'a Value>, Option<&'a Value>);

fn unequal<'a>(
    leader: &'a BTreeMap<String, Value>,
    follower: &'a BTreeMap<String, Value>,
) -> impl Iterator<Item = (&'a String, Pair<'a>)> {
    let names: BTreeSet<_> = leader.keys().chain(follower.keys()).collect();
    names.into_iter().filter_map(|name| {
        let pair = (leader.get(name), follower.get(name));
        (pair.0 != pair.1).then_some((name, pair))
    })
}

fn told(what: &str, pair: Pair<'_>) -> String {
    let side = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), ToString::to_string);
    format!("{what} is {} on the leader and {} on the follower", side(pair.0), side(pair.1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(mappings: &Value, settings: &Value, aliases: &Value) -> Shape {
        shape(&json!({ "mappings": mappings, "settings": settings, "aliases": aliases }), 0)
    }

    #[track_caller]
    fn check(leader: &Shape, follower: &Shape, expected: &[&str], notes: usize) {
        let findings = findings(leader, follower, &BTreeSet::from(["number_of_replicas".to_owned()]), true);
        let sentences: Vec<_> = findings.found.iter().map(|finding| finding.sentence.as_str()).collect();
        assert_eq!(sentences, expected);
        assert_eq!(findings.notes.len(), notes, "{:?}", findings.notes);
    }

    fn mapped(mappings: &Value) -> Shape {
        described(mappings, &json!({}), &json!({}))
    }

    fn set(settings: &Value) -> Shape {
        described(&json!({}), settings, &json!({}))
    }

    #[test]
    fn what_belongs_to_one_index_or_one_cluster_is_not_compared() {
        let settings = json!({ "index": {
            "number_of_shards": "3", "number_of_replicas": "1", "uuid": "x", "creation_date": "1",
            "provided_name": "i", "version": { "created": "1" }, "blocks": { "write": "true" },
            "plugins": { "replication": { "follower": { "leader_index": "conn:i" } } },
            "routing": { "allocation": { "include": { "_tier": "hot" } } }, "uuidish": "y",
        } });
        let shape = set(&settings);
        assert_eq!(shape.shards, 3);
        let names: Vec<_> = shape.settings.keys().map(String::as_str).collect();
        assert_eq!(names, ["index.number_of_replicas", "index.number_of_shards", "index.uuidish"]);
        let flat = json!({
            "index.number_of_shards": "3", "index.number_of_replicas": "1", "index.uuidish": "y", "index.uuid": "x",
        });
        assert_eq!(set(&flat), shape, "flat or nested is the same");
    }

    #[test]
    fn a_setting_that_differs_is_named_unless_it_was_wanted_so() {
        let settings = |replicas: &str, window: &str| {
            set(&json!({ "index.number_of_replicas": replicas, "index.max_result_window": window }))
        };
        check(&settings("1", "5"), &settings("0", "5"), &[], 0);
        check(
            &settings("1", "5"),
            &settings("1", "6"),
            &[r#"the setting `index.max_result_window` is "5" on the leader and "6" on the follower"#],
            0,
        );
        check(
            &set(&json!({ "index.hidden": "true" })),
            &set(&json!({})),
            &[r#"the setting `index.hidden` is "true" on the leader and absent on the follower"#],
            0,
        );
    }

    #[test]
    fn settings_that_were_wanted_otherwise_may_be_nested() {
        let wanted = json!({ "index": { "number_of_replicas": 0, "mapping.total_fields": { "limit": 5 } }, "hidden": true });
        let names = setting_names(wanted.as_object().unwrap());
        assert_eq!(
            names.iter().map(String::as_str).collect::<Vec<_>>(),
            ["hidden", "index.mapping.total_fields.limit", "index.number_of_replicas"]
        );
        let settings = |replicas: &str, limit: &str| {
            set(&json!({ "index.number_of_replicas": replicas, "index.mapping.total_fields.limit": limit }))
        };
        assert_eq!(findings(&settings("1", "9"), &settings("0", "5"), &names, true).found, []);
    }

    #[test]
    fn what_a_cluster_makes_of_its_nodes_and_what_holds_anyway_is_no_difference() {
        let settings = |expand: Option<&str>, replicas: &str| {
            let mut given = json!({ "index.number_of_replicas": replicas });
            if let Some(expand) = expand {
                given["index.auto_expand_replicas"] = expand.into();
            }
            set(&given)
        };
        let differing = |leader: &Shape, follower: &Shape| {
            let found = findings(leader, follower, &BTreeSet::new(), true).found;
            found.into_iter().map(|finding| finding.sentence).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(differing(&settings(Some("0-all"), "2"), &settings(Some("0-all"), "1")), none);
        assert_eq!(differing(&settings(Some("false"), "1"), &settings(None, "1")), none);
        assert_eq!(
            differing(&settings(Some("false"), "2"), &settings(None, "1")),
            [r#"the setting `index.number_of_replicas` is "2" on the leader and "1" on the follower"#]
        );
        assert_eq!(
            differing(&settings(Some("0-1"), "0"), &settings(None, "1")),
            [r#"the setting `index.auto_expand_replicas` is "0-1" on the leader and absent on the follower"#]
        );
        let shrunk = set(&json!({ "index.routing_partition_size": "1" }));
        assert_eq!(differing(&shrunk, &set(&json!({}))), none);
        assert_eq!(differing(&set(&json!({ "index.routing_partition_size": "2" })), &shrunk).len(), 1);
    }

    #[test]
    fn an_alias_that_differs_is_named() {
        let aliases = |aliases: Value| described(&json!({}), &json!({}), &aliases);
        check(
            &aliases(json!({ "a": {}, "b": { "filter": { "term": { "x": 1 } } } })),
            &aliases(json!({ "b": {}, "c": {} })),
            &[
                "the alias `a` is {} on the leader and absent on the follower",
                r#"the alias `b` is {"filter":{"term":{"x":1}}} on the leader and {} on the follower"#,
                "the alias `c` is absent on the leader and {} on the follower",
            ],
            0,
        );
    }

    #[test]
    fn a_mapping_that_differs_is_named_by_its_field() {
        let leader = mapped(&json!({ "dynamic": "strict", "properties": {
            "a": { "type": "text", "fields": { "raw": { "type": "keyword" } } },
            "b": { "properties": { "c": { "type": "long" } } },
        } }));
        let follower = mapped(&json!({ "properties": {
            "a": { "type": "text", "fields": { "raw": { "type": "keyword", "ignore_above": 9 } } },
            "b": { "properties": { "c": { "type": "integer" }, "d": { "type": "date" } } },
        } }));
        check(
            &leader,
            &follower,
            &[
                r#"the mapping of the index (dynamic) is "strict" on the leader and absent on the follower"#,
                "the mapping of `a.raw` (ignore_above) is absent on the leader and 9 on the follower",
                r#"the mapping of `b.c` (type) is "long" on the leader and "integer" on the follower"#,
                r#"the mapping of `b.d` (type) is absent on the leader and "date" on the follower"#,
            ],
            0,
        );
    }

    #[test]
    fn a_field_that_nobody_has_used_yet_is_no_fault_of_replication() {
        let leader = mapped(&json!({ "properties": {
            "a": { "type": "text" }, "b": { "properties": { "c": { "type": "long", "index": false } } },
        } }));
        check(&leader, &mapped(&json!({ "properties": { "a": { "type": "text" } } })), &[], 1);
        check(&leader, &mapped(&json!({})), &[], 2);
        let dropped = mapped(&json!({ "properties": {
            "a": { "type": "text" }, "b": { "properties": { "c": { "type": "long" } } },
        } }));
        check(
            &leader,
            &dropped,
            &["the mapping of `b.c` (index) is false on the leader and absent on the follower"],
            0,
        );
        let findings = findings(&leader, &mapped(&json!({})), &BTreeSet::new(), false);
        assert_eq!(findings.found.len(), 3, "what was copied otherwise must be complete");
    }
}
