//! What holds for any two sets of documents.

#![allow(clippy::allow_attributes, clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeMap;

use compare::{Buckets, Fingerprint, Identity};
use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Value, json};

type Documents = BTreeMap<(String, Option<String>), (u64, u8)>;

fn prints(documents: &Documents) -> Vec<Fingerprint> {
    let print = |((id, routing), (version, number)): (&(String, Option<String>), &(u64, u8))| {
        let identity = Identity { id: id.clone(), routing: routing.clone() };
        Fingerprint::of(&identity, Some(*version), &json!({ "number": number }).to_string()).unwrap()
    };
    documents.iter().map(print).collect()
}

fn folded<'a>(expected: u64, prints: impl IntoIterator<Item = &'a Fingerprint>) -> Buckets {
    let mut buckets = Buckets::for_documents(expected);
    prints.into_iter().for_each(|print| buckets.add(print));
    buckets
}

fn documents() -> impl Strategy<Value = Documents> {
    let routing = proptest::option::of("[ab]{1,2}");
    btree_map(("[a-e]{1,3}", routing), (1_u64..3, 0_u8..3), 0..60)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("\\PC{0,3}", inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_reading_means_nothing(set in documents(), expected in 0_u64..5000, turn in 0_usize..60) {
        let prints = prints(&set);
        let mut turned = prints.clone();
        turned.rotate_left(turn.min(prints.len()));
        turned.reverse();
        prop_assert_eq!(folded(expected, &prints), folded(expected, &turned));
    }

    #[test]
    fn sets_are_equal_when_their_buckets_are(one in documents(), other in documents(), expected in 0_u64..5000) {
        let (near, far) = (folded(expected, &prints(&one)), folded(expected, &prints(&other)));
        prop_assert_eq!(near == far, one == other);
        prop_assert_eq!(near.total() == far.total(), one == other);
    }

    #[test]
    fn sources_are_equal_when_their_values_are(one in value(), other in value()) {
        let print = |text: &str| Fingerprint::of(&Identity::of("a"), None, text).unwrap();
        prop_assert_eq!(print(&one.to_string()), print(&serde_json::to_string_pretty(&one).unwrap()));
        prop_assert_eq!(print(&one.to_string()) == print(&other.to_string()), one == other);
    }
}
