//! The decision: from what both sides show to the one next step. No effect, no time, no AWS.
//!
//! The rows follow the life of a connection: requested, validated, accepted, provisioned, active; and dead ends.

use cloud::{InboundStatus, OutboundStatus};

/// What shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// A working connection.
    Active,
    /// None.
    Gone,
}

/// What both sides show of the connection under our claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed<'a> {
    /// The follower's side; none when it lists no such connection.
    pub(crate) outbound: Option<&'a OutboundStatus>,
    /// The leader's side; none when it lists no such connection, or was not asked.
    pub(crate) inbound: Option<&'a InboundStatus>,
    /// It leads where it shall, in the mode it shall.
    pub(crate) is_as_wanted: bool,
    /// The very request being served made it. What this request made and what died, died of something that the answer
    /// must say; what an earlier request left dead is just in the way.
    pub(crate) is_fresh: bool,
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Request the connection as the follower.
    Request,
    /// Accept it as the leader.
    Accept,
    /// Delete it as the follower.
    Delete,
    /// Look again later.
    Wait,
    /// Nothing: it is so.
    Done,
    /// Nothing can follow.
    Fail(DeadEnd),
}

/// Where a connection can end without ever working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeadEnd {
    /// The service will not connect these domains.
    ValidationFailed,
    /// The leader's owner refused.
    Rejected,
    /// Somebody removed it while it was being made.
    Removed,
}

/// Decides. A status that this program does not know is waited through: the service's list has grown before.
pub(crate) fn next(observed: &Observed<'_>, goal: Goal) -> Step {
    match goal {
        Goal::Active => towards_active(observed),
        Goal::Gone => towards_gone(observed.outbound),
    }
}

fn towards_active(observed: &Observed<'_>) -> Step {
    use OutboundStatus as Out;
    let dead = |end| if observed.is_fresh { Step::Fail(end) } else { Step::Delete };
    match observed.outbound {
        None | Some(Out::Deleted | Out::Deleting) if observed.is_fresh => Step::Fail(DeadEnd::Removed),
        None | Some(Out::Deleted) => Step::Request,
        Some(Out::ValidationFailed) => dead(DeadEnd::ValidationFailed),
        Some(Out::Rejected) => dead(DeadEnd::Rejected),
        Some(Out::Validating | Out::PendingAcceptance | Out::Approved | Out::Provisioning | Out::Active)
            if !observed.is_as_wanted =>
        {
            Step::Delete
        }
        Some(
            Out::Validating
            | Out::Approved
            | Out::Provisioning
            | Out::Rejecting
            | Out::Deleting
            | Out::Unknown(_),
        ) => Step::Wait,
        Some(Out::PendingAcceptance) => on_pending(observed.inbound),
        Some(Out::Active) => Step::Done,
    }
}

/// The follower's side waits to be accepted; the leader's side may lag behind it, or be ahead of it.
fn on_pending(inbound: Option<&InboundStatus>) -> Step {
    use InboundStatus as In;
    match inbound {
        Some(In::PendingAcceptance) => Step::Accept,
        None
        | Some(
            In::Approved
            | In::Provisioning
            | In::Active
            | In::Rejecting
            | In::Rejected
            | In::Deleting
            | In::Deleted
            | In::Unknown(_),
        ) => Step::Wait,
    }
}

fn towards_gone(outbound: Option<&OutboundStatus>) -> Step {
    use OutboundStatus as Out;
    match outbound {
        None | Some(Out::Deleted) => Step::Done,
        Some(Out::Deleting) => Step::Wait,
        Some(
            Out::Validating
            | Out::ValidationFailed
            | Out::PendingAcceptance
            | Out::Approved
            | Out::Provisioning
            | Out::Active
            | Out::Rejecting
            | Out::Rejected
            | Out::Unknown(_),
        ) => Step::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state of the follower's side and its absence.
    fn outbounds() -> Vec<Option<OutboundStatus>> {
        let unknown = OutboundStatus::Unknown("MIGRATING".to_owned());
        OutboundStatus::ALL.iter().cloned().chain([unknown]).map(Some).chain([None]).collect()
    }

    /// Every state of the leader's side and its absence.
    fn inbounds() -> Vec<Option<InboundStatus>> {
        let unknown = InboundStatus::Unknown("MIGRATING".to_owned());
        InboundStatus::ALL.iter().cloned().chain([unknown]).map(Some).chain([None]).collect()
    }

    fn name<T: ToString>(status: Option<&T>) -> String {
        status.map_or_else(|| "absent".to_owned(), ToString::to_string)
    }

    /// One row per state of the follower's side: the step for each flag, and for the leader's side where it matters.
    #[test]
    fn every_pair_of_states_has_its_step() {
        use DeadEnd::{Rejected, Removed, ValidationFailed};
        use Step::{Accept, Delete, Done, Fail, Request, Wait};
        // (follower's side, as wanted and not fresh, not as wanted and not fresh, as wanted and fresh, towards gone)
        let table = [
            ("absent", Request, Request, Fail(Removed), Done),
            ("VALIDATING", Wait, Delete, Wait, Delete),
            ("VALIDATION_FAILED", Delete, Delete, Fail(ValidationFailed), Delete),
            ("PENDING_ACCEPTANCE", Wait, Delete, Wait, Delete),
            ("APPROVED", Wait, Delete, Wait, Delete),
            ("PROVISIONING", Wait, Delete, Wait, Delete),
            ("ACTIVE", Done, Delete, Done, Delete),
            ("REJECTING", Wait, Wait, Wait, Delete),
            ("REJECTED", Delete, Delete, Fail(Rejected), Delete),
            ("DELETING", Wait, Wait, Fail(Removed), Wait),
            ("DELETED", Request, Request, Fail(Removed), Done),
            ("MIGRATING", Wait, Wait, Wait, Delete),
        ];
        let mut pairs = 0;
        for outbound in outbounds() {
            let name_of = name(outbound.as_ref());
            let row = table.iter().find(|row| row.0 == name_of).unwrap();
            for inbound in inbounds() {
                let step = |is_as_wanted, is_fresh, goal| {
                    let (outbound, inbound) = (outbound.as_ref(), inbound.as_ref());
                    next(&Observed { outbound, inbound, is_as_wanted, is_fresh }, goal)
                };
                // The one pair in which the leader's side decides.
                let both_pending =
                    name_of == "PENDING_ACCEPTANCE" && name(inbound.as_ref()) == "PENDING_ACCEPTANCE";
                let accepted = |step| if both_pending && step == Wait { Accept } else { step };
                let pair = format!("{name_of} and {}", name(inbound.as_ref()));
                assert_eq!(step(true, false, Goal::Active), accepted(row.1), "{pair}");
                assert_eq!(step(false, false, Goal::Active), row.2, "{pair}, not as wanted");
                assert_eq!(step(true, true, Goal::Active), accepted(row.3), "{pair}, fresh");
                for (is_as_wanted, is_fresh) in [(true, true), (true, false), (false, true), (false, false)] {
                    assert_eq!(step(is_as_wanted, is_fresh, Goal::Gone), row.4, "{pair}, towards gone");
                }
                pairs += 1;
            }
        }
        assert_eq!(
            pairs,
            12 * 10,
            "ten states, an unknown one and absence, by eight, an unknown one and absence"
        );
    }

    #[test]
    fn d01_d02_only_active_on_the_followers_side_is_success() {
        for outbound in outbounds() {
            for inbound in inbounds() {
                for (is_as_wanted, is_fresh) in [(true, true), (true, false), (false, true), (false, false)] {
                    let observed = Observed {
                        outbound: outbound.as_ref(),
                        inbound: inbound.as_ref(),
                        is_as_wanted,
                        is_fresh,
                    };
                    let is_done = next(&observed, Goal::Active) == Step::Done;
                    assert_eq!(
                        is_done,
                        outbound == Some(OutboundStatus::Active) && is_as_wanted,
                        "{observed:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn d04_only_deleted_or_absent_is_gone() {
        for outbound in outbounds() {
            let is_gone = towards_gone(outbound.as_ref()) == Step::Done;
            assert_eq!(is_gone, matches!(outbound, None | Some(OutboundStatus::Deleted)), "{outbound:?}");
        }
    }
}
