//! Which documents of opened buckets are not the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Fingerprint;

/// How two sides differ in one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Difference {
    /// The leader has it and the follower has not.
    Missing,
    /// The follower has it and the leader has not.
    Extra,
    /// Both have it, with another content or version.
    Stale,
}

/// A document that looked different while both sides were read, one after the other: it counts once it does again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suspect {
    /// Its id.
    pub id: String,
    /// How it differs.
    pub difference: Difference,
}

/// Compares what both sides listed of opened buckets, in the order of the ids.
pub fn differences(
    leader: &BTreeMap<String, Fingerprint>,
    follower: &BTreeMap<String, Fingerprint>,
) -> Vec<Suspect> {
    let on_leader = leader.iter().filter_map(|(id, one)| {
        let difference = match follower.get(id) {
            None => Difference::Missing,
            Some(other) if other != one => Difference::Stale,
            Some(_) => return None,
        };
        Some(Suspect { id: id.clone(), difference })
    });
    let extra = follower.keys().filter(|id| !leader.contains_key(*id));
    let extra = extra.map(|id| Suspect { id: id.clone(), difference: Difference::Extra });
    let mut suspects: Vec<_> = on_leader.chain(extra).collect();
    suspects.sort();
    suspects
}
