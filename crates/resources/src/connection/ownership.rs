//! Whose is what the follower lists under our alias? Decided from the claim and the list alone.
//!
//! The list must have been read before the claim: whoever requests writes the claim first, so every connection of ours
//! that the list shows is known to the claim.

use cloud::{Outbound, OutboundStatus};

use crate::claim::Phase;

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// Nothing lives under the alias.
    Nobodys,
    /// Ours was made and is not listed, yet or any more.
    Unlisted,
    /// The one the claim names, dead or alive.
    Ours(&'a Outbound),
    /// One that we asked for and whose id we never learnt, because the answer was lost.
    Found(&'a Outbound),
    /// Somebody else's, which the claim says is being taken over.
    Adopted(&'a Outbound),
    /// Somebody else's.
    Theirs(&'a Outbound),
}

/// Decides.
pub(crate) fn whose<'a>(phase: &Phase, rows: &'a [Outbound], alias: &str, request_id: &str) -> Whose<'a> {
    let living = rows.iter().find(|row| is_live(row) && row.alias == alias);
    match phase {
        Phase::Made { id, by } => match (rows.iter().find(|row| row.id == *id), living) {
            (Some(ours), _) if is_live(ours) => Whose::Ours(ours),
            // The request being served made it just now: what else there may be is its twin, see `twins`.
            (None, _) if by.as_deref() == Some(request_id) => Whose::Unlisted,
            (_, Some(other)) => Whose::Theirs(other),
            (Some(dead), None) => Whose::Ours(dead),
            (None, None) => Whose::Unlisted,
        },
        Phase::Adopting { id } => match living {
            Some(row) if row.id == *id => Whose::Adopted(row),
            Some(row) => Whose::Theirs(row),
            None => Whose::Nobodys,
        },
        Phase::Requesting { targets, .. } => match living {
            Some(row) if targets.contains(&row.remote.to_string()) => Whose::Found(row),
            Some(row) => Whose::Theirs(row),
            None => Whose::Nobodys,
        },
        // Nothing was made under the claim, so what lives there is not ours.
        Phase::Looking | Phase::Releasing { .. } => living.map_or(Whose::Nobodys, Whose::Theirs),
    }
}

/// Others under the alias of a connection of ours, that lead where it leads.
///
/// An alias is unique on a domain while a connection holds it, so beside one of ours that does they can only come of our
/// own requests: two invocations that asked at the same time, or one that asked again before the first was to be seen.
/// One of ours that was refused may have freed the alias: what lives beside it may be anybody's, unless it was refused
/// in the same way.
pub(crate) fn twins<'a>(rows: &'a [Outbound], ours: &'a Outbound) -> impl Iterator<Item = &'a Outbound> {
    let same = |row: &Outbound| row.id != ours.id && row.alias == ours.alias && row.remote == ours.remote;
    let is_twin = move |row: &Outbound| match (holds_its_alias(ours), holds_its_alias(row)) {
        (true, _) => is_live(row),
        (false, true) => false,
        (false, false) => is_live(ours) && row.status == ours.status,
    };
    rows.iter().filter(move |row| same(row) && is_twin(row))
}

/// True for what certainly holds its alias: whether a refused connection does is documented nowhere.
fn holds_its_alias(row: &Outbound) -> bool {
    match &row.status {
        OutboundStatus::Validating
        | OutboundStatus::PendingAcceptance
        | OutboundStatus::Approved
        | OutboundStatus::Provisioning
        | OutboundStatus::Active => true,
        OutboundStatus::ValidationFailed
        | OutboundStatus::Rejecting
        | OutboundStatus::Rejected
        | OutboundStatus::Deleting
        | OutboundStatus::Deleted
        | OutboundStatus::Unknown(_) => false,
    }
}

/// True for what holds its alias: everything but what is gone.
pub(crate) fn is_live(row: &Outbound) -> bool {
    row.status != OutboundStatus::Deleted
}

#[cfg(test)]
mod tests {
    use cloud::Domain;

    use super::*;

    fn domain(name: &str) -> Domain {
        Domain { account: "1".to_owned(), region: "r".to_owned(), name: name.to_owned() }
    }

    fn row(id: &str, remote: &str, status: OutboundStatus) -> Outbound {
        Outbound {
            id: id.to_owned(),
            alias: "alias".to_owned(),
            local: domain("follower"),
            remote: domain(remote),
            status,
            message: None,
            mode: None,
            skip_unavailable: None,
            endpoint: None,
        }
    }

    #[track_caller]
    fn check(phase: &Phase, rows: &[Outbound], expected: &str) {
        let verdict = match whose(phase, rows, "alias", "this") {
            Whose::Nobodys => "nobody's".to_owned(),
            Whose::Unlisted => "unlisted".to_owned(),
            Whose::Ours(row) => format!("ours {}", row.id),
            Whose::Found(row) => format!("found {}", row.id),
            Whose::Adopted(row) => format!("adopted {}", row.id),
            Whose::Theirs(row) => format!("theirs {}", row.id),
        };
        assert_eq!(verdict, expected, "{phase:?} with {rows:?}");
    }

    #[test]
    fn what_is_ours_follows_from_the_claim_and_the_list() {
        use OutboundStatus::{Active, Deleted};
        let (mine, dead, other) =
            (row("mine", "l", Active), row("mine", "l", Deleted), row("other", "l", Active));
        let made = |by: Option<&str>| Phase::Made { id: "mine".to_owned(), by: by.map(str::to_owned) };
        let requesting = |target: &str| Phase::Requesting {
            targets: vec![format!("1/r/{target}")],
            by: "this".to_owned(),
        };
        let adopting = Phase::Adopting { id: "mine".to_owned() };
        for (phase, rows, expected) in [
            (Phase::Looking, vec![], "nobody's"),
            (Phase::Looking, vec![dead.clone()], "nobody's"),
            (Phase::Looking, vec![other.clone()], "theirs other"),
            (requesting("l"), vec![], "nobody's"),
            (requesting("l"), vec![other.clone()], "found other"),
            (requesting("elsewhere"), vec![other.clone()], "theirs other"),
            (adopting.clone(), vec![mine.clone()], "adopted mine"),
            (adopting.clone(), vec![dead.clone()], "nobody's"),
            (adopting, vec![other.clone()], "theirs other"),
            (made(None), vec![mine.clone()], "ours mine"),
            (made(None), vec![other.clone(), mine.clone()], "ours mine"),
            (made(None), vec![dead.clone()], "ours mine"),
            (made(None), vec![dead, other.clone()], "theirs other"),
            (made(None), vec![], "unlisted"),
            (made(None), vec![other.clone()], "theirs other"),
            (made(Some("earlier")), vec![other.clone()], "theirs other"),
            (made(Some("this")), vec![other.clone()], "unlisted"),
        ] {
            check(&phase, &rows, expected);
        }
    }

    #[test]
    fn only_what_leads_to_the_same_place_beside_a_living_one_is_a_twin() {
        use OutboundStatus::{Active, Deleted, Rejected, ValidationFailed};
        let ours = row("mine", "l", Active);
        let rows =
            [ours.clone(), row("twin", "l", Active), row("else", "m", Active), row("gone", "l", Deleted)];
        assert_eq!(twins(&rows, &ours).map(|row| row.id.as_str()).collect::<Vec<_>>(), ["twin"]);
        assert_eq!(twins(&rows, &row("mine", "l", Deleted)).count(), 0);
        // Ours was refused, and somebody made theirs by hand.
        assert_eq!(twins(&rows, &row("mine", "l", ValidationFailed)).count(), 0);
        let both = [row("mine", "l", Rejected), row("twin", "l", Rejected)];
        assert_eq!(twins(&both, &both[0]).count(), 1);
    }
}
