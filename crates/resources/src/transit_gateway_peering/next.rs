//! The decision: from what both sides show of the attachment to the one next step. No effect, no time, no AWS.
//!
//! What follows once it is available, routes and associations, is decided in `links.rs`.

use cloud::PeeringState;

/// What shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// A peering that is in use.
    Available,
    /// None.
    Gone,
}

/// What both sides show of the attachment under our claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed<'a> {
    /// The follower's side; none when it lists no such attachment.
    pub(crate) near: Option<&'a PeeringState>,
    /// The leader's side; none when it lists no such attachment, or was not asked.
    pub(crate) far: Option<&'a PeeringState>,
    /// It joins the gateways that it shall, in their accounts and Regions.
    pub(crate) is_as_wanted: bool,
    /// The very request being served made it: what it died of is for the answer to say.
    pub(crate) is_fresh: bool,
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Request the peering as the follower.
    Request,
    /// Accept it as the leader.
    Accept,
    /// See to routes and associations: it is available on both sides.
    Link,
    /// Delete it as the follower.
    Delete,
    /// Delete it if the service lets us: it is over and in nobody's way.
    Sweep,
    /// Look again later.
    Wait,
    /// Nothing: it is so.
    Done,
    /// Nothing can follow.
    Fail(DeadEnd),
}

/// Where a peering can end without ever working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeadEnd {
    /// The service will not peer these gateways.
    Failed,
    /// The leader's owner refused.
    Rejected,
    /// Somebody removed it while it was being made.
    Removed,
}

/// Decides. A state that this program does not know is waited through.
pub(crate) fn next(observed: &Observed<'_>, goal: Goal) -> Step {
    match goal {
        Goal::Available => towards_available(observed),
        Goal::Gone => towards_gone(observed.near),
    }
}

fn towards_available(observed: &Observed<'_>) -> Step {
    use PeeringState as State;
    // What is over stands in nobody's way: unlike a connection, which holds its alias, it need not be deleted first.
    let dead = |end| if observed.is_fresh { Step::Fail(end) } else { Step::Request };
    match observed.near {
        Some(State::Deleting) if observed.is_fresh => Step::Fail(DeadEnd::Removed),
        None | Some(State::Deleted) => dead(DeadEnd::Removed),
        Some(State::Failed) => dead(DeadEnd::Failed),
        Some(State::Rejected) => dead(DeadEnd::Rejected),
        Some(
            State::Initiating
            | State::InitiatingRequest
            | State::PendingAcceptance
            | State::Pending
            | State::Available
            | State::Modifying
            | State::RollingBack,
        ) if !observed.is_as_wanted => Step::Delete,
        Some(State::PendingAcceptance) if observed.far == Some(&State::PendingAcceptance) => Step::Accept,
        Some(State::Available) if observed.far == Some(&State::Available) => Step::Link,
        Some(
            State::Initiating
            | State::InitiatingRequest
            | State::PendingAcceptance
            | State::Pending
            | State::Available
            | State::Modifying
            | State::RollingBack
            | State::Rejecting
            | State::Failing
            | State::Deleting
            | State::Unknown(_),
        ) => Step::Wait,
    }
}

fn towards_gone(near: Option<&PeeringState>) -> Step {
    use PeeringState as State;
    match near {
        None | Some(State::Deleted) => Step::Done,
        Some(State::Deleting) => Step::Wait,
        Some(State::Failed | State::Rejected) => Step::Sweep,
        Some(
            State::Initiating
            | State::InitiatingRequest
            | State::PendingAcceptance
            | State::Pending
            | State::Available
            | State::Modifying
            | State::RollingBack
            | State::Rejecting
            | State::Failing
            | State::Unknown(_),
        ) => Step::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state of a side and its absence.
    fn states() -> Vec<Option<PeeringState>> {
        let unknown = PeeringState::Unknown("hibernating".to_owned());
        PeeringState::ALL.iter().cloned().chain([unknown]).map(Some).chain([None]).collect()
    }

    fn name(state: Option<&PeeringState>) -> String {
        state.map_or_else(|| "absent".to_owned(), ToString::to_string)
    }

    const FLAGS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

    /// One row per state of the follower's side: the step for each flag, and for the leader's side where it matters.
    #[test]
    fn every_pair_of_states_has_its_step() {
        use DeadEnd::{Failed, Rejected, Removed};
        use Step::{Accept, Delete, Done, Fail, Link, Request, Sweep, Wait};
        // (follower's side, as wanted and not fresh, not as wanted and not fresh, as wanted and fresh, towards gone)
        let table = [
            ("absent", Request, Request, Fail(Removed), Done),
            ("initiating", Wait, Delete, Wait, Delete),
            ("initiatingRequest", Wait, Delete, Wait, Delete),
            ("pendingAcceptance", Wait, Delete, Wait, Delete),
            ("rollingBack", Wait, Delete, Wait, Delete),
            ("pending", Wait, Delete, Wait, Delete),
            ("available", Wait, Delete, Wait, Delete),
            ("modifying", Wait, Delete, Wait, Delete),
            ("deleting", Wait, Wait, Fail(Removed), Wait),
            ("deleted", Request, Request, Fail(Removed), Done),
            ("failed", Request, Request, Fail(Failed), Sweep),
            ("rejected", Request, Request, Fail(Rejected), Sweep),
            ("rejecting", Wait, Wait, Wait, Delete),
            ("failing", Wait, Wait, Wait, Delete),
            ("hibernating", Wait, Wait, Wait, Delete),
        ];
        let mut pairs = 0;
        for near in states() {
            let name_of = name(near.as_ref());
            let row = table.iter().find(|row| row.0 == name_of).unwrap();
            for far in states() {
                let step = |is_as_wanted, is_fresh, goal| {
                    next(&Observed { near: near.as_ref(), far: far.as_ref(), is_as_wanted, is_fresh }, goal)
                };
                // The two pairs in which the leader's side decides.
                let together = |step| match (step, name_of.as_str(), name(far.as_ref()).as_str()) {
                    (Wait, "pendingAcceptance", "pendingAcceptance") => Accept,
                    (Wait, "available", "available") => Link,
                    (step, _, _) => step,
                };
                let pair = format!("{name_of} and {}", name(far.as_ref()));
                assert_eq!(step(true, false, Goal::Available), together(row.1), "{pair}");
                assert_eq!(step(false, false, Goal::Available), row.2, "{pair}, not as wanted");
                assert_eq!(step(true, true, Goal::Available), together(row.3), "{pair}, fresh");
                for (is_as_wanted, is_fresh) in FLAGS {
                    assert_eq!(step(is_as_wanted, is_fresh, Goal::Gone), row.4, "{pair}, towards gone");
                }
                pairs += 1;
            }
        }
        assert_eq!(pairs, 15 * 15, "thirteen states, an unknown one and absence, on both sides");
    }

    #[test]
    fn routes_are_made_only_when_both_sides_are_available() {
        for near in states() {
            for far in states() {
                for (is_as_wanted, is_fresh) in FLAGS {
                    let observed =
                        Observed { near: near.as_ref(), far: far.as_ref(), is_as_wanted, is_fresh };
                    let is_linked = next(&observed, Goal::Available) == Step::Link;
                    let is_available = |state: &Option<_>| *state == Some(PeeringState::Available);
                    assert_eq!(is_linked, is_available(&near) && is_available(&far) && is_as_wanted);
                }
            }
        }
    }

    #[test]
    fn d04_only_deleted_or_absent_is_gone() {
        for near in states() {
            let is_gone = towards_gone(near.as_ref()) == Step::Done;
            assert_eq!(is_gone, matches!(near, None | Some(PeeringState::Deleted)), "{near:?}");
        }
    }
}
