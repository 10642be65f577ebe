//! The room on the instance: it holds 50 tags, and leases must not take what a start has to write.

use std::collections::BTreeMap;

use super::marks::{FOUND, LEASE, Lease, STARTED, STOPPING};

/// The most tags that an instance holds; those of AWS itself do not count.
const MOST_TAGS: usize = 50;

/// What a start writes. The intent to stop is written when no lease is left.
const OF_A_START: usize = 2;

/// Whether this lease, written or not yet, is among those that there is room for. The first that were delivered are, so
/// that of any number who come at once some have what they need and the others know that they have to wait.
pub(super) fn has_place(tags: &BTreeMap<String, String>, own: &Lease) -> bool {
    let is_earlier = |key: &&String| key.starts_with(LEASE) && order(key) < order(&own.key);
    let earlier = tags.keys().filter(is_earlier).count();
    // One at a time always passes: it may find the instance awake, and then writes nothing else.
    let places = (MOST_TAGS - OF_A_START).saturating_sub(not_ours(tags)).max(1);
    earlier < places
}

/// Whether tags of other people leave no room for a lease and a start, so that waiting is in vain.
pub(super) fn is_taken_by_others(tags: &BTreeMap<String, String>) -> bool {
    not_ours(tags) + 1 + OF_A_START > MOST_TAGS
}

fn not_ours(tags: &BTreeMap<String, String>) -> usize {
    let is_ours = |key: &str| key.starts_with(LEASE) || [FOUND, STARTED, STOPPING].contains(&key);
    tags.keys().filter(|key| !is_ours(key) && !key.starts_with("aws:")).count()
}

/// By delivery: the key ends in when that was, in milliseconds since 1970.
fn order(key: &str) -> (u128, &str) {
    let delivered_at = key.rsplit(':').next().and_then(|end| end.parse().ok());
    (delivered_at.unwrap_or(0), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(leases: u32, others: u32) -> BTreeMap<String, String> {
        let leases = (0..leases).map(|number| format!("{LEASE}r-{number}:{}", 1_000 + number));
        let others = (0..others).map(|number| format!("team-{number}"));
        leases.chain(others).map(|key| (key, String::new())).collect()
    }

    fn own(delivered_at: u32) -> Lease {
        Lease { key: format!("{LEASE}own:{delivered_at}"), until: "9000".to_owned() }
    }

    #[test]
    fn the_first_that_were_delivered_have_a_place_and_leave_room_for_a_start() {
        for (leases, others, delivered_at, expected) in [
            (0, 0, 5_000, true),
            (47, 0, 5_000, true),
            (48, 0, 5_000, false),
            (60, 0, 999, true),
            (60, 0, 1_046, true),
            (60, 0, 1_049, false),
            (27, 20, 5_000, true),
            (28, 20, 5_000, false),
            (0, 49, 5_000, true),
            (1, 49, 5_000, false),
        ] {
            let found = has_place(&tags(leases, others), &own(delivered_at));
            assert_eq!(found, expected, "{leases} leases, {others} others, delivered at {delivered_at}");
        }
    }

    #[test]
    fn what_is_counted_is_neither_of_aws_nor_a_mark_nor_the_own_lease() {
        let mut tags = tags(47, 0);
        for key in ["aws:cloudformation:stack-name", FOUND, STARTED, STOPPING, &own(5_000).key] {
            tags.insert(key.to_owned(), String::new());
        }
        assert!(has_place(&tags, &own(5_000)));
    }

    #[test]
    fn a_start_needs_three_places_that_others_leave() {
        assert!(!is_taken_by_others(&tags(49, 47)));
        assert!(is_taken_by_others(&tags(0, 48)));
    }
}
