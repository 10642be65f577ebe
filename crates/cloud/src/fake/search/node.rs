//! A domain's cluster: what a test puts into it, and what it sees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::index::{Document, Index};
use super::reading::Point;
use super::replication::Replication;
use super::rules::Rule;
use super::{Refused, Request};
use crate::fake::world::World;

/// Every cluster, and which one knows which other by which alias.
#[derive(Debug, Default)]
pub(in crate::fake) struct Nodes {
    pub(super) by_host: BTreeMap<String, Node>,
    pub(super) remotes: BTreeMap<(String, String), String>,
}

/// One cluster.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The actions of every role, with `*`.
    pub(super) roles: BTreeMap<String, Vec<String>>,
    pub(super) mappings: serde_json::Map<String, Value>,
    pub(super) indexes: BTreeMap<String, Index>,
    pub(super) replications: BTreeMap<String, Replication>,
    pub(super) rules: BTreeMap<(String, String), Rule>,
    /// Leader indexes of which a start fails.
    pub(super) unstartable: BTreeSet<String>,
    /// How long the first copy of an index takes, if not the usual time.
    pub(super) bootstrap: Option<Duration>,
    /// Its plugin knows `follower_index_pattern`.
    pub(super) names_followers: bool,
    pub(super) is_down: bool,
    /// Points in time that somebody reads at.
    pub(super) points: BTreeMap<String, Point>,
    pub(super) points_made: u64,
    /// How many indexes there ever were, to tell one from a later one of its name.
    pub(super) generation: u64,
}

impl Nodes {
    pub(super) fn answer(&mut self, request: &Request<'_>) -> Result<Value, Refused> {
        match self.by_host.get(request.host) {
            Some(node) if !node.is_down => super::api::answer(self, request),
            Some(_) | None => Err((0, Value::Null)),
        }
    }

    pub(in crate::fake) fn advance(&mut self, now: Instant) {
        super::replication::advance(self, now);
        super::rules::advance(self, now);
    }

    /// What is to be seen, and what would be left over.
    pub(in crate::fake) fn text(&self) -> String {
        let mut lines = Vec::new();
        for (host, node) in &self.by_host {
            for (role, mapping) in &node.mappings {
                for list in ["backend_roles", "users", "hosts"] {
                    for entry in mapping[list].as_array().into_iter().flatten() {
                        lines.push(format!("{host}: role {role} for {entry} of {list}"));
                    }
                }
            }
            lines.extend(node.replications.iter().map(|(index, it)| format!("{host}: {index} follows {it}")));
            lines.extend(node.rules.values().map(|rule| format!("{host}: {rule}")));
            lines.extend(node.indexes.keys().map(|index| format!("{host}: index {index}")));
        }
        // The order in a list is nobody's business.
        lines.sort();
        lines.join("\n")
    }
}

/// Domains with an endpoint.
impl World {
    /// With a domain's cluster at this host. A master user of its own and nobody else is mapped.
    #[must_use]
    pub fn with_cluster(self, host: &str) -> Self {
        let mut node = Node::default();
        node.roles.extend(super::security::built_in());
        node.mappings
            .insert("all_access".to_owned(), json!({ "backend_roles": ["admin"], "users": [], "hosts": [] }));
        self.now().nodes.by_host.insert(host.to_owned(), node);
        self
    }

    /// Where a follower knows a leader by this alias: their connection is active.
    #[must_use]
    pub fn with_remote(self, follower: &str, alias: &str, leader: &str) -> Self {
        self.connect_clusters(follower, alias, leader);
        self
    }

    /// The connection becomes active.
    pub fn connect_clusters(&self, follower: &str, alias: &str, leader: &str) {
        self.now().nodes.remotes.insert((follower.to_owned(), alias.to_owned()), leader.to_owned());
    }

    /// The connection goes away.
    pub fn part_clusters(&self, follower: &str, alias: &str) {
        self.now().nodes.remotes.remove(&(follower.to_owned(), alias.to_owned()));
    }

    /// Where a role is mapped to this backend role.
    #[must_use]
    pub fn with_mapping(self, host: &str, role: &str, backend_role: &str) -> Self {
        self.map_by_hand(host, role, "backend_roles", backend_role);
        self
    }

    /// Somebody adds an entry to a list of a role's mapping.
    pub fn map_by_hand(&self, host: &str, role: &str, list: &str, entry: &str) {
        self.on_cluster(host, |node| {
            let mapping = node.mappings.entry(role).or_insert_with(|| json!({}));
            match mapping.get_mut(list).and_then(Value::as_array_mut) {
                Some(entries) => entries.push(entry.into()),
                None => mapping[list] = json!([entry]),
            }
        });
    }

    /// Somebody removes an entry from every list of a role's mapping.
    pub fn unmap_by_hand(&self, host: &str, role: &str, entry: &str) {
        self.on_cluster(host, |node| {
            let lists = node.mappings.get_mut(role).and_then(Value::as_object_mut);
            for entries in lists.into_iter().flatten().filter_map(|(_, list)| list.as_array_mut()) {
                entries.retain(|known| known != entry);
            }
        });
    }

    /// Somebody writes a list of a role's mapping as a whole.
    pub fn write_mapping_by_hand(&self, host: &str, role: &str, list: &str, entries: &[String]) {
        self.on_cluster(host, |node| {
            node.mappings.entry(role).or_insert_with(|| json!({}))[list] = json!(entries);
        });
    }

    /// Nobody can change the mapping of this role.
    pub fn reserve_mapping(&self, host: &str, role: &str) {
        self.on_cluster(host, |node| {
            node.mappings.entry(role).or_insert_with(|| json!({}))["reserved"] = json!(true);
        });
    }

    /// The entries of a list of a role's mapping.
    pub fn mapped(&self, host: &str, role: &str, list: &str) -> Vec<String> {
        self.on_cluster(host, |node| {
            let mapping = node.mappings.get(role).cloned().unwrap_or_default();
            let entries = mapping.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            entries.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
        })
    }

    /// A role of one's own, with these actions.
    pub fn make_role(&self, host: &str, role: &str, actions: &[&str]) {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        self.on_cluster(host, |node| node.roles.insert(role.to_owned(), actions));
    }

    /// Somebody writes documents, of ids and numbers; the index is made if there is none.
    pub fn write_documents(&self, host: &str, index: &str, documents: &[(&str, u32)]) {
        self.on_cluster(host, |node| {
            let generation = node.generation;
            let known = node.indexes.entry(index.to_owned()).or_insert_with(|| Index::new(generation));
            for (id, number) in documents {
                known.write(id, &json!({ "number": number }));
            }
            node.generation += 1;
        });
    }

    /// A document is taken away behind everybody's back: checkpoints stay as they were, and only a later operation on it
    /// brings it again.
    pub fn drop_document(&self, host: &str, index: &str, id: &str) {
        self.on_cluster(host, |node| node.indexes.get_mut(index).map(|index| index.lose(id)));
    }

    /// Somebody deletes a document.
    pub fn delete_document(&self, host: &str, index: &str, id: &str) {
        self.on_cluster(host, |node| node.indexes.get_mut(index).map(|index| index.delete(id)));
    }

    /// A document comes to be as it is elsewhere, or not at all, as a mechanism that copies does it.
    pub fn put_document(&self, host: &str, index: &str, id: &str, document: Option<Document>) {
        self.on_cluster(host, |node| {
            let known = node.indexes.entry(index.to_owned()).or_insert_with(|| Index::new(0));
            match document {
                Some(document) => known.put(id, document),
                None => known.delete(id),
            }
        });
    }

    /// Somebody makes an index, or sets mappings, settings and aliases of one that is there.
    pub fn describe_index(
        &self,
        host: &str,
        index: &str,
        mappings: &Value,
        settings: &Value,
        aliases: &Value,
    ) {
        self.on_cluster(host, |node| {
            let generation = node.generation;
            let known = node.indexes.entry(index.to_owned()).or_insert_with(|| Index::new(generation));
            known.mappings = mappings.clone();
            known.settings = settings.as_object().cloned().unwrap_or_default();
            known.aliases = aliases.clone();
            node.generation += 1;
        });
    }

    /// An index of so many shards becomes one of a single shard.
    pub fn shrink_index(&self, host: &str, index: &str, shards: i64) {
        self.on_cluster(host, |node| node.indexes.get_mut(index).map(|index| index.shrink(shards)));
    }

    /// The documents of an index.
    pub fn documents(&self, host: &str, index: &str) -> BTreeMap<String, Document> {
        let read = |node: &mut Node| node.indexes.get(index).map(|index| index.documents.clone());
        self.on_cluster(host, read).unwrap_or_default()
    }

    /// A setting of an index.
    pub fn index_setting(&self, host: &str, index: &str, name: &str) -> Option<Value> {
        self.on_cluster(host, |node| node.indexes.get(index)?.settings.get(name).cloned())
    }

    /// The indexes of a cluster.
    pub fn indexes(&self, host: &str) -> Vec<String> {
        self.on_cluster(host, |node| node.indexes.keys().cloned().collect())
    }

    /// Somebody deletes an index.
    pub fn delete_index(&self, host: &str, index: &str) {
        self.on_cluster(host, |node| node.indexes.remove(index));
    }

    /// The cluster stops, or comes back.
    pub fn set_cluster_down(&self, host: &str, is_down: bool) {
        self.on_cluster(host, |node| node.is_down = is_down);
    }

    /// Its plugin is of a version that can call followers otherwise than the leader's indexes.
    pub fn let_name_followers(&self, host: &str) {
        self.on_cluster(host, |node| node.names_followers = true);
    }

    /// How long the first copy of every index takes on this follower from now on.
    pub fn set_bootstrap(&self, host: &str, takes: Duration) {
        self.on_cluster(host, |node| node.bootstrap = Some(takes));
    }

    /// Whether a start that this follower makes of this leader index fails, as when the leader lacks something.
    pub fn set_unstartable(&self, host: &str, leader_index: &str, fails: bool) {
        self.on_cluster(host, |node| {
            if fails {
                node.unstartable.insert(leader_index.to_owned());
            } else {
                node.unstartable.remove(leader_index);
            }
        });
    }

    /// All there is on all clusters.
    pub fn clusters_text(&self) -> String {
        self.now().nodes.text()
    }

    pub(super) fn on_cluster<T>(&self, host: &str, work: impl FnOnce(&mut Node) -> T) -> T {
        let mut state = self.now();
        let node = state.nodes.by_host.entry(host.to_owned()).or_default();
        work(node)
    }
}
