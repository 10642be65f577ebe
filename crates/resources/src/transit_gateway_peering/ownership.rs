//! Whose is the peering of our two gateways? Decided from the claim, the list and the tags alone.
//!
//! The list must have been read before the claim: whoever requests writes the claim first. What we request carries our
//! stack and logical id as tags from its first moment on, so it is known to be ours even when the answer was lost.

use std::collections::BTreeMap;

use cloud::{Peering, PeeringState};

use super::spec::Identity;
use crate::claim::{Holder, Phase};

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// Nothing joins the two gateways.
    Nobodys,
    /// Ours was made and is not listed, yet or any more.
    Unlisted,
    /// The one the claim names, dead or alive.
    Ours(&'a Peering),
    /// One with our tags, whose id the claim does not know.
    Found(&'a Peering),
    /// Somebody else's.
    Theirs(&'a Peering),
}

/// What our requests carry.
pub(crate) fn tags(holder: &Holder) -> BTreeMap<String, String> {
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BTreeMap::from([tag("tandem:stack", &holder.stack_id), tag("tandem:logical-id", &holder.logical_id)])
}

/// Decides. `rows` are the peerings of the two gateways, in either direction.
pub(crate) fn whose<'a>(phase: &Phase, rows: &'a [Peering], holder: &Holder, request_id: &str) -> Whose<'a> {
    let known = match phase {
        Phase::Made { id, by } => Some((rows.iter().find(|row| row.id == *id), by)),
        Phase::Looking | Phase::Requesting { .. } | Phase::Adopting { .. } | Phase::Releasing { .. } => None,
    };
    match known {
        Some((Some(row), _)) if is_live(row) => return Whose::Ours(row),
        // The request being served made it just now: what else there may be is its twin, see `twins`.
        Some((None, Some(by))) if by == request_id => return Whose::Unlisted,
        Some(_) | None => {}
    }
    let mut living = rows.iter().filter(|row| is_live(row));
    match (living.clone().find(|row| is_tagged(row, holder)), living.next(), known) {
        (Some(row), _, _) => Whose::Found(row),
        (None, Some(row), _) => Whose::Theirs(row),
        (None, None, Some((Some(dead), _))) => Whose::Ours(dead),
        (None, None, Some((None, _))) => Whose::Unlisted,
        (None, None, None) => Whose::Nobodys,
    }
}

/// Others that join the same gateways and carry our tags, beside a living one of ours.
///
/// They come of our own requests: two invocations that asked at the same time, or one that asked again before the first
/// was to be seen.
pub(crate) fn twins<'a>(
    rows: &'a [Peering],
    ours: &'a Peering,
    holder: &'a Holder,
) -> impl Iterator<Item = &'a Peering> {
    let is_twin = |row: &&Peering| row.id != ours.id && row.local == ours.local;
    rows.iter().filter(move |row| is_live(ours) && is_live(row) && is_twin(row) && is_tagged(row, holder))
}

/// True for what keeps two gateways from being peered again: what is over stays listed for hours and does not.
pub(crate) fn is_live(row: &Peering) -> bool {
    !matches!(row.state, PeeringState::Deleted | PeeringState::Failed | PeeringState::Rejected)
}

/// True for what carries the tags of our requests.
pub(crate) fn is_tagged(row: &Peering, holder: &Holder) -> bool {
    tags(holder).iter().all(|(key, value)| row.tags.get(key) == Some(value))
}

/// True for a peering of the two gateways, whichever of them requested it.
pub(crate) fn joins(row: &Peering, identity: &Identity) -> bool {
    let ends = [(&row.local.id, &row.remote.id), (&row.remote.id, &row.local.id)];
    ends.contains(&(&identity.local.id, &identity.remote_id))
}

/// The leader's side of a peering of ours, among those of the leader's gateway.
///
/// Between Regions both sides use one id, and within one Region they do not; a gateway pair has one living peering, so
/// what else of the pair lives there is the other side of ours.
pub(crate) fn far_of<'a>(near: &Peering, rows: &'a [Peering]) -> Option<&'a Peering> {
    let has_own_id = near.local.region == near.remote.region;
    let expected = match &near.accepter_id {
        Some(id) => Some(id),
        None => Some(&near.id).filter(|_| !has_own_id),
    };
    let of_pair = |row: &&Peering| (&row.local, &row.remote) == (&near.local, &near.remote);
    rows.iter().find(|row| Some(&row.id) == expected).or_else(|| {
        let mut others = rows.iter().filter(of_pair).filter(|row| row.id != near.id && is_live(row));
        others.next().filter(|_| near.accepter_id.is_none())
    })
}

#[cfg(test)]
mod tests {
    use cloud::TransitGateway;

    use super::*;

    fn holder() -> Holder {
        Holder { stack_id: "stack".to_owned(), logical_id: "Peering".to_owned() }
    }

    fn gateway(region: &str, id: &str) -> TransitGateway {
        TransitGateway { account: "1".to_owned(), region: region.to_owned(), id: id.to_owned() }
    }

    fn row(id: &str, is_tagged: bool, state: PeeringState) -> Peering {
        Peering {
            id: id.to_owned(),
            accepter_id: None,
            local: gateway("west", "tgw-a"),
            remote: gateway("east", "tgw-b"),
            state,
            message: None,
            tags: if is_tagged { tags(&holder()) } else { BTreeMap::new() },
        }
    }

    #[track_caller]
    fn check(phase: &Phase, rows: &[Peering], expected: &str) {
        let verdict = match whose(phase, rows, &holder(), "this") {
            Whose::Nobodys => "nobody's".to_owned(),
            Whose::Unlisted => "unlisted".to_owned(),
            Whose::Ours(row) => format!("ours {}", row.id),
            Whose::Found(row) => format!("found {}", row.id),
            Whose::Theirs(row) => format!("theirs {}", row.id),
        };
        assert_eq!(verdict, expected, "{phase:?} with {rows:?}");
    }

    #[test]
    fn what_is_ours_follows_from_the_claim_the_list_and_the_tags() {
        use PeeringState::{Available, Deleted, Failed, Rejected};
        let (mine, lost, other) =
            (row("mine", true, Available), row("lost", true, Available), row("other", false, Available));
        let dead = |state| row("mine", true, state);
        let made = |by: Option<&str>| Phase::Made { id: "mine".to_owned(), by: by.map(str::to_owned) };
        let requesting = Phase::Requesting { targets: Vec::new(), by: "this".to_owned() };
        for (phase, rows, expected) in [
            (Phase::Looking, vec![], "nobody's"),
            (Phase::Looking, vec![other.clone()], "theirs other"),
            (Phase::Looking, vec![row("other", false, Failed)], "nobody's"),
            (Phase::Looking, vec![row("other", false, Rejected)], "nobody's"),
            (Phase::Looking, vec![row("other", false, Deleted)], "nobody's"),
            (Phase::Looking, vec![lost.clone()], "found lost"),
            (requesting.clone(), vec![], "nobody's"),
            (requesting.clone(), vec![lost.clone()], "found lost"),
            (requesting, vec![other.clone()], "theirs other"),
            (made(None), vec![mine.clone()], "ours mine"),
            (made(None), vec![other.clone(), mine], "ours mine"),
            (made(None), vec![dead(Deleted)], "ours mine"),
            (made(None), vec![dead(Deleted), other.clone()], "theirs other"),
            (made(None), vec![dead(Failed), lost.clone()], "found lost"),
            (made(None), vec![], "unlisted"),
            (made(Some("earlier")), vec![other.clone()], "theirs other"),
            (made(Some("this")), vec![other], "unlisted"),
            (made(Some("this")), vec![lost], "unlisted"),
        ] {
            check(&phase, &rows, expected);
        }
    }

    #[test]
    fn only_what_carries_our_tags_beside_a_living_one_is_a_twin() {
        use PeeringState::{Available, Deleted};
        let ours = row("mine", true, Available);
        let rows = [
            ours.clone(),
            row("twin", true, Available),
            row("else", false, Available),
            row("gone", true, Deleted),
        ];
        let holder = holder();
        assert_eq!(twins(&rows, &ours, &holder).map(|row| row.id.as_str()).collect::<Vec<_>>(), ["twin"]);
        assert_eq!(twins(&rows, &row("mine", true, Deleted), &holder).count(), 0);
    }

    #[test]
    fn the_leaders_side_is_found_with_one_id_and_with_two() {
        use PeeringState::Available;
        let near = row("near", true, Available);
        let within_one_region = Peering { remote: gateway("west", "tgw-b"), ..near.clone() };
        let own_id = Peering { id: "far".to_owned(), ..within_one_region.clone() };
        let of_others = Peering { local: gateway("west", "tgw-c"), ..own_id.clone() };
        let named = Peering { accepter_id: Some("far".to_owned()), ..within_one_region.clone() };
        for (near, rows, expected) in [
            (&near, vec![near.clone()], Some("near")),
            (&near, vec![of_others.clone()], None),
            (&within_one_region, vec![within_one_region.clone(), own_id.clone()], Some("far")),
            (&within_one_region, vec![within_one_region.clone()], None),
            (&within_one_region, vec![of_others], None),
            (&named, vec![within_one_region.clone(), own_id], Some("far")),
        ] {
            assert_eq!(far_of(near, &rows).map(|row| row.id.as_str()), expected, "{near:?} in {rows:?}");
        }
    }

    #[test]
    fn a_peering_joins_two_gateways_whichever_requested_it() {
        let one = row("id", false, PeeringState::Available);
        let other_way = Peering { local: one.remote.clone(), remote: one.local.clone(), ..one.clone() };
        let identity = Identity { local: gateway("west", "tgw-a"), remote_id: "tgw-b".to_owned() };
        assert!(joins(&one, &identity) && joins(&other_way, &identity));
        assert!(!joins(&one, &Identity { remote_id: "tgw-c".to_owned(), ..identity }));
    }
}
