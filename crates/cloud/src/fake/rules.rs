//! What a test may choose about the service: how long things take, and what nobody knows for certain.

use std::time::Duration;

/// How long things take, in tokio's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Every call: half of it passes before the effect, half after.
    pub call: Duration,
    /// VALIDATING; `initiatingRequest` of a peering.
    pub validating: Duration,
    /// From Accept until the leader's side shows APPROVED.
    pub accepting: Duration,
    /// APPROVED.
    pub approved: Duration,
    /// PROVISIONING; `pending` of a peering.
    pub provisioning: Duration,
    /// REJECTING.
    pub rejecting: Duration,
    /// DELETING.
    pub deleting: Duration,
    /// From Create until the follower's side lists the connection.
    pub outbound_visible: Duration,
    /// From `PENDING_ACCEPTANCE` on the follower's side until the leader's side lists the connection.
    pub inbound_visible: Duration,
    /// How much later the other side shows what one side shows.
    pub lag: Duration,
    /// How long an alias stays taken after DELETED.
    pub alias_stays: Duration,
    /// How long a deleted connection stays listed.
    pub deleted_stays: Duration,
}

/// What the service was seen to take, except the times nobody measured.
impl Default for Timing {
    fn default() -> Self {
        Self {
            call: Duration::from_millis(50),
            validating: Duration::from_secs(20),
            accepting: Duration::from_secs(1),
            approved: Duration::from_secs(5),
            provisioning: Duration::from_mins(1),
            rejecting: Duration::from_secs(5),
            deleting: Duration::from_secs(45),
            outbound_visible: Duration::from_secs(3),
            inbound_visible: Duration::from_secs(8),
            lag: Duration::from_secs(2),
            alias_stays: Duration::ZERO,
            deleted_stays: Duration::from_hours(15 * 24),
        }
    }
}

/// Behaviour that is documented nowhere: each of them may be how the service is, so nothing may depend on its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// Delete while VALIDATING, APPROVED or PROVISIONING (a peering: `initiatingRequest` or `pending`) is `DisabledOperation`; otherwise it is done.
    RefusesDeleteWhileSettling,
    /// Delete while DELETING is `DisabledOperation`; otherwise it changes nothing and succeeds.
    RefusesDeleteWhileDeleting,
    /// Delete of a connection that its side does not list yet is `ResourceNotFound`; otherwise the id suffices.
    DeletesOnlyWhatIsListed,
    /// REJECTED and `VALIDATION_FAILED` free the alias; otherwise it stays taken until the connection is deleted.
    FailedFreesTheAlias,
    /// Two requests in quick succession get one alias twice: only what is listed counts.
    AliasCheckSeesOnlyWhatIsListed,
    /// Two requests in quick succession peer two transit gateways twice: only what is listed counts.
    PairCheckSeesOnlyWhatIsListed,
    /// A peering that is failed or rejected cannot be deleted; the service removes it by itself.
    DeadCannotBeDeleted,
    /// A second connection between the same two domains in the same direction is `ResourceAlreadyExists`.
    OneConnectionPerPair,
    /// Not the service but the leader's owner: refuses every connection and peering as soon as it shows.
    LeaderRejects,
}
