//! A claim while what it covers is being removed.

use std::time::Duration;

use cloud::{Claims, Error};
use custom_resource::{Context, Sent};

use super::{Barred, Holder, Ledger, Phase, Standing};
use crate::shared::Grace;

/// How long what another request had begun may still take effect. Longer than one call can take.
const SETTLE: Duration = Duration::from_secs(30);
/// What the claim says when something may still be on its way.
const BEGUN: &str = "begun";
/// What it says when nothing was made when the removal began: what is there is somebody else's.
pub(super) const NOTHING: &str = "nothing";

/// What there is to remove.
pub(crate) enum Begun {
    /// Nothing of ours, and the claim is given up.
    Nothing,
    /// Nothing of ours yet: another request may be about to make it.
    NotYet,
    /// What the claim covers, and the marks of an earlier look.
    Covered(Vec<String>),
}

/// The removal of what has one name from beginning to end, so that its claim need not say an id.
pub(crate) struct Release<'a, C> {
    ledger: Ledger<'a, C>,
    request: (String, Sent),
    /// The name of what is removed.
    id: String,
    settling: Grace,
}

impl<'a, C: Claims> Release<'a, C> {
    pub(crate) fn new(claims: &'a C, claim: String, id: &str, context: &Context) -> Self {
        Self {
            ledger: Ledger::new(claims, claim, Holder::of(context)),
            request: (context.request_id.clone(), context.sent),
            id: id.to_owned(),
            settling: Grace::default(),
        }
    }

    /// The name of the claim, for messages.
    pub(crate) fn claim(&self) -> &str {
        self.ledger.name()
    }

    /// Records that the removal has begun, so that a request that is still at work stops.
    pub(crate) async fn begin(&self) -> Result<Begun, Barred> {
        let (request, sent) = &self.request;
        let phase = match self.ledger.read().await? {
            Standing::Free => return Ok(Begun::Nothing),
            Standing::Theirs(holder) => {
                tracing::warn!(
                    ?holder,
                    "the claim `{}` is somebody else's: nothing is removed",
                    self.claim()
                );
                return Ok(Begun::Nothing);
            }
            Standing::OursUnreadable => return Err(Barred::Unreadable),
            // A Delete of long ago, delivered again.
            Standing::Ours(_) if self.ledger.has_later_turn(request, *sent) => return Err(Barred::Overtaken),
            Standing::Ours(phase) => phase,
        };
        let may_be_at_work = self.ledger.turn().is_some_and(|turn| turn.request != *request && !turn.is_over);
        let begun = || if may_be_at_work { vec![BEGUN.to_owned()] } else { Vec::new() };
        match phase {
            Phase::Looking | Phase::Adopting { .. } if !may_be_at_work => {
                self.let_go().await?;
                Ok(Begun::Nothing)
            }
            // A request that is about to make it writes that down first, so the next looks tell.
            Phase::Looking | Phase::Adopting { .. } => {
                self.mark(vec![BEGUN.to_owned(), NOTHING.to_owned()]).await?;
                Ok(Begun::NotYet)
            }
            Phase::Releasing { targets, .. } if targets.iter().any(|mark| mark == NOTHING) => {
                if self.is_settling(&targets) {
                    return Ok(Begun::NotYet);
                }
                self.let_go().await?;
                Ok(Begun::Nothing)
            }
            Phase::Releasing { targets, .. } => Ok(Begun::Covered(targets)),
            Phase::Requesting { .. } => self.mark(vec![BEGUN.to_owned()]).await.map(Begun::Covered),
            Phase::Made { .. } => self.mark(begun()).await.map(Begun::Covered),
        }
    }

    /// Records what the next look is to know.
    pub(crate) async fn mark(&self, marks: Vec<String>) -> Result<Vec<String>, Barred> {
        let releasing = Phase::Releasing { id: Some(self.id.clone()), targets: marks.clone(), because: None };
        // Removed by another delivery: the next look finds nothing.
        let _revoked = self.ledger.write(releasing).await?;
        Ok(marks)
    }

    /// True for a while from the first time it was asked, if something may still be on its way.
    pub(crate) fn is_settling(&self, marks: &[String]) -> bool {
        marks.iter().any(|mark| mark == BEGUN) && !self.settling.has_passed(SETTLE)
    }

    /// What was made beside the thing itself, as the claim was last read.
    pub(crate) fn parts(&self) -> Vec<String> {
        self.ledger.parts()
    }

    /// The last step: nothing of ours is there any more.
    pub(crate) async fn let_go(&self) -> Result<(), Error> {
        self.ledger.remove().await
    }
}
