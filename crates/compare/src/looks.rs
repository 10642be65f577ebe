//! Documents that looked different, and what further looks make of them. Pure.
//!
//! Both sides are read at different moments and may be written to meanwhile, so a difference is a suspicion. It is
//! dropped once the follower shows what the leader shows, or what the leader showed at the first look or since: then the
//! follower is behind, not different. A follower that stays at what the leader had left behind before is not dropped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::question::{Found, State};

/// How a document of the follower differs from the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The leader has it and the follower has not.
    Missing,
    /// The follower has it and the leader has not.
    Extra,
    /// The follower has an older version.
    Stale,
    /// The follower has another content, and no older version.
    Altered,
}

/// A document under suspicion.
#[derive(Clone, Debug)]
struct Suspect {
    /// What the leader showed, at every look.
    leader: Vec<Option<State>>,
    /// What the follower showed at first and at last.
    first: Option<State>,
    last: Option<State>,
}

/// The documents under suspicion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspects(BTreeMap<Identity, Suspect>);

/// What became of a suspect in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Different(Difference),
    /// It changed on both sides between all looks, and the follower is not older than the first look.
    Moving,
}

impl Suspects {
    /// What differs in what both sides listed.
    pub(crate) fn between(leader: Vec<Found>, follower: Vec<Found>) -> Self {
        let mut pairs: BTreeMap<Identity, (Option<State>, Option<State>)> = BTreeMap::new();
        for found in leader {
            pairs.entry(found.identity).or_default().0 = Some(found.state);
        }
        for found in follower {
            pairs.entry(found.identity).or_default().1 = Some(found.state);
        }
        let differing = pairs.into_iter().filter(|(_, (leader, follower))| !is_same(*leader, *follower));
        let suspect = |(leader, follower)| Suspect { leader: vec![leader], first: follower, last: follower };
        Self(differing.map(|(identity, pair)| (identity, suspect(pair))).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn identities(&self) -> Vec<Identity> {
        self.0.keys().cloned().collect()
    }

    /// The first so many, taken out.
    pub(crate) fn take(&mut self, count: usize) -> Self {
        let rest = self.0.keys().nth(count).cloned().map(|key| self.0.split_off(&key)).unwrap_or_default();
        Self(std::mem::replace(&mut self.0, rest))
    }

    pub(crate) fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// A look at each: the leader's state first, then the follower's. Those that are behind or equal are dropped.
    pub(crate) fn look(
        &mut self,
        documents: &[Identity],
        leader: &[Option<State>],
        follower: &[Option<State>],
    ) {
        for (identity, (leader, follower)) in documents.iter().zip(leader.iter().zip(follower)) {
            let Some(suspect) = self.0.get_mut(identity) else { continue };
            suspect.leader.push(*leader);
            suspect.last = *follower;
            if suspect.leader.iter().any(|seen| is_same(*seen, *follower)) {
                self.0.remove(identity);
            }
        }
    }

    /// What remains when nobody looks again.
    pub(crate) fn fates(&self, with_version: bool) -> impl Iterator<Item = (&Identity, Fate)> {
        self.0.iter().map(move |(identity, suspect)| (identity, suspect.fate(with_version)))
    }
}

impl Suspect {
    fn fate(&self, with_version: bool) -> Fate {
        let now = self.leader.last().copied().flatten();
        match (now, self.last) {
            (Some(leader), Some(follower)) if with_version => {
                let began = self.leader.first().copied().flatten().map_or(0, |state| state.version);
                let stood = self.first.map_or(0, |state| state.version);
                let moves = follower.version > stood && (began..leader.version).contains(&follower.version);
                if moves {
                    Fate::Moving
                } else if follower.version < leader.version {
                    Fate::Different(Difference::Stale)
                } else {
                    Fate::Different(Difference::Altered)
                }
            }
            (Some(_), Some(_)) => Fate::Different(Difference::Altered),
            (Some(_), None) => Fate::Different(Difference::Missing),
            // Neither cannot be: it would have been dropped.
            (None, _) => Fate::Different(Difference::Extra),
        }
    }
}

fn is_same(one: Option<State>, other: Option<State>) -> bool {
    one.map(|state| state.content) == other.map(|state| state.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state by its version; the tenths are another content of the same version.
    fn state(version: Option<u64>) -> Option<State> {
        version.map(|tenths| State { version: tenths / 10, content: tenths.into() })
    }

    /// What becomes of a document of which the sides showed these states, one look after the other.
    #[track_caller]
    fn check(looks: &[(Option<u64>, Option<u64>)], expected: Option<Fate>) {
        let listed = |version| {
            state(version).map(|state| Found { identity: Identity::of("a"), state }).into_iter().collect()
        };
        let (leader, follower) = looks[0];
        let mut suspects = Suspects::between(listed(leader), listed(follower));
        for (leader, follower) in &looks[1..] {
            let documents = suspects.identities();
            suspects.look(&documents, &[state(*leader)], &[state(*follower)]);
        }
        assert_eq!(suspects.fates(true).map(|(_, fate)| fate).next(), expected, "{looks:?}");
    }

    #[test]
    fn what_became_equal_or_is_only_behind_is_dropped() {
        let at = |version: u64| Some(version * 10);
        for looks in [
            vec![(at(1), at(1))],
            vec![(at(1), None), (at(1), at(1))],
            vec![(None, at(1)), (None, None)],
            vec![(at(2), at(1)), (at(3), at(2))],
            vec![(at(2), at(1)), (at(3), at(1)), (at(4), at(3))],
            vec![(at(1), at(2)), (at(2), at(2))],
            vec![(at(1), None), (None, None)],
            vec![(at(2), at(1)), (None, at(2))],
        ] {
            check(&looks, None);
        }
    }

    #[test]
    fn what_stays_different_is_told_by_its_kind() {
        let at = |version: u64| Some(version * 10);
        for (looks, difference) in [
            (vec![(at(1), None), (at(1), None)], Difference::Missing),
            (vec![(at(1), None), (at(2), None), (at(3), None)], Difference::Missing),
            (vec![(None, at(1)), (None, at(1))], Difference::Extra),
            (vec![(at(2), at(1)), (at(2), at(1))], Difference::Stale),
            (vec![(at(2), at(1)), (at(3), at(1)), (at(4), at(1))], Difference::Stale),
            (vec![(Some(11), Some(12)), (Some(11), Some(12))], Difference::Altered),
            (vec![(at(1), at(2)), (at(1), at(2))], Difference::Altered),
            (vec![(at(2), None), (at(2), at(1))], Difference::Stale),
        ] {
            check(&looks, Some(Fate::Different(difference)));
        }
    }

    #[test]
    fn what_changes_faster_than_anybody_looks_is_neither() {
        let at = |version: u64| Some(version * 10);
        check(&[(at(10), at(5)), (at(30), at(20)), (at(50), at(40))], Some(Fate::Moving));
        check(&[(None, None), (at(3), at(2))], None);
        let stands = [(at(10), at(5)), (at(30), at(20)), (at(50), at(5))];
        check(&stands, Some(Fate::Different(Difference::Stale)));
    }

    #[test]
    fn a_version_that_nobody_keeps_tells_nothing() {
        let found =
            |version, content| vec![Found { identity: Identity::of("a"), state: State { version, content } }];
        assert!(Suspects::between(found(1, 7), found(9, 7)).is_empty());
        let suspects = Suspects::between(found(9, 7), found(1, 8));
        let fates: Vec<_> = suspects.fates(false).map(|(_, fate)| fate).collect();
        assert_eq!(fates, [Fate::Different(Difference::Altered)]);
    }

    #[test]
    fn suspects_are_taken_in_parts() {
        let found = |count: u32| {
            let found = |number: u32| Found {
                identity: Identity::of(number.to_string()),
                state: state(Some(1)).unwrap(),
            };
            (0..count).map(found).collect()
        };
        let mut suspects = Suspects::between(found(7), Vec::new());
        let first = suspects.take(5);
        assert_eq!((first.len(), suspects.len()), (5, 2));
        assert_eq!((suspects.take(5).len(), suspects.is_empty()), (2, true));
    }
}
