//! What holds for any two sets of documents.

#![allow(clippy::allow_attributes, clippy::unwrap_used, reason = "tests may panic")]

use std::collections::{BTreeMap, BTreeSet};

use compare::{Buckets, Difference, Fingerprint, differences};
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::json;

type Documents = BTreeMap<String, (u64, u8)>;

fn fingerprints(documents: &Documents) -> BTreeMap<String, Fingerprint> {
    let print = |(id, (version, number)): (&String, &(u64, u8))| {
        (id.clone(), Fingerprint::of(id, Some(*version), &json!({ "number": number })))
    };
    documents.iter().map(print).collect()
}

fn folded<'a>(expected: u64, prints: impl Iterator<Item = &'a Fingerprint>) -> Buckets {
    let mut buckets = Buckets::for_documents(expected);
    prints.for_each(|print| buckets.add(print));
    buckets
}

/// What one side lists of the buckets that are to be opened.
fn opened(
    prints: &BTreeMap<String, Fingerprint>,
    one: &Buckets,
    other: &Buckets,
) -> BTreeMap<String, Fingerprint> {
    let unequal: BTreeSet<_> = one.unequal(other).unwrap().into_iter().collect();
    prints
        .iter()
        .filter(|(_, print)| unequal.contains(&one.of(print)))
        .map(|(id, print)| (id.clone(), *print))
        .collect()
}

/// By looking at everything.
fn naive(leader: &Documents, follower: &Documents) -> Vec<(String, Difference)> {
    let ids: BTreeSet<_> = leader.keys().chain(follower.keys()).collect();
    let difference = |id: &String| match (leader.get(id), follower.get(id)) {
        (Some(_), None) => Some(Difference::Missing),
        (None, Some(_)) => Some(Difference::Extra),
        (one, other) if one != other => Some(Difference::Stale),
        _ => None,
    };
    ids.into_iter().filter_map(|id| Some((id.clone(), difference(id)?))).collect()
}

fn documents() -> impl Strategy<Value = Documents> {
    btree_map("[a-e]{1,3}", (1_u64..3, 0_u8..3), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_reading_means_nothing(set in documents(), expected in 0_u64..5000, turn in 0_usize..60) {
        let prints: Vec<_> = fingerprints(&set).into_values().collect();
        let mut turned = prints.clone();
        turned.rotate_left(turn.min(prints.len()));
        turned.reverse();
        prop_assert_eq!(folded(expected, prints.iter()), folded(expected, turned.iter()));
    }

    #[test]
    fn what_differs_is_found_and_nothing_else(one in documents(), other in documents(), expected in 0_u64..5000) {
        let (leader, follower) = (fingerprints(&one), fingerprints(&other));
        let (near, far) = (folded(expected, leader.values()), folded(expected, follower.values()));
        let found = differences(&opened(&leader, &near, &far), &opened(&follower, &far, &near));
        let found: Vec<_> = found.into_iter().map(|suspect| (suspect.id, suspect.difference)).collect();
        let expected = naive(&one, &other);
        prop_assert_eq!(near.total() == far.total(), expected.is_empty());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn one_change_opens_one_bucket(set in documents(), expected in 0_u64..5000, at in 0_usize..60) {
        prop_assume!(!set.is_empty());
        let mut changed = set.clone();
        let id = set.keys().nth(at % set.len()).unwrap();
        changed.get_mut(id).unwrap().0 += 7;
        let (near, far) = (
            folded(expected, fingerprints(&set).values()),
            folded(expected, fingerprints(&changed).values()),
        );
        prop_assert_eq!(near.unequal(&far).unwrap().len(), 1);
    }
}
