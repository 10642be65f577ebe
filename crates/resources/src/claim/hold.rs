//! A claim while one invocation works under it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloud::{Claimed, Claims, Error};
use custom_resource::Context;
use wait::Deadline;

use super::release::NOTHING;
use super::{Holder, Ledger, Phase, Standing, Turn, Written};
use crate::shared::lock;

/// How long what an overtaken request had begun may still take effect. Longer than one call can take.
const SETTLE: Duration = Duration::from_secs(30);

/// How long a look at the claim may lie back when something is changed by it: with the longest call less than `SETTLE`.
const FRESH: Duration = Duration::from_secs(4);

/// How many characters of a Reason the claim keeps; the whole record may have 4,096 bytes.
const LONGEST_REASON: usize = 500;

/// Why there is nothing to be done under the claim.
#[derive(Debug)]
pub(crate) enum Barred {
    /// It is somebody else's; none if the record is unreadable.
    Held(Option<Holder>),
    /// It is ours, and written by a version of this program that we do not understand.
    Unreadable,
    /// Another delivery of the request failed with this Reason, and takes back what was made.
    TakenBack(String),
    /// CloudFormation has sent another request for the resource since.
    Overtaken,
    /// It went away under us.
    Revoked,
    /// It cannot be read or written.
    Call(Error),
}

impl From<Error> for Barred {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// What becomes of what an overtaken request has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The claim names it, so it is the later request's to keep or to remove.
    Known,
    /// The claim does not say yet.
    Open,
    /// No claim names it: it is for who made it to remove it.
    Forgotten(String),
}

/// A claim, and what this invocation has seen and done under it.
pub(crate) struct Hold<'a, C> {
    pub(crate) ledger: Ledger<'a, C>,
    request: Turn,
    /// This invocation has seen the claim as ours: should it vanish now, somebody is undoing the work.
    is_held: AtomicBool,
    /// The id of what this invocation made: the claim may be lost to a removal that ran at the same time.
    made: Mutex<Option<String>>,
    /// Another delivery of this request was seen at work: that this one is done does not end the request.
    is_shared: AtomicBool,
    /// Until when a request that this one has overtaken may still do what it had begun.
    settled_at: Mutex<Option<Deadline>>,
    /// Until when the last look at the claim counts.
    fresh_until: Mutex<Option<Deadline>>,
    /// What this invocation wrote last.
    noted: Mutex<Option<Phase>>,
}

impl<'a, C: Claims> Hold<'a, C> {
    pub(crate) fn new(ledger: Ledger<'a, C>, context: &Context) -> Self {
        let request = Turn { request: context.request_id.clone(), sent: context.sent, is_over: false };
        Self {
            ledger,
            request,
            is_held: AtomicBool::new(false),
            made: Mutex::default(),
            is_shared: AtomicBool::new(false),
            settled_at: Mutex::default(),
            fresh_until: Mutex::default(),
            noted: Mutex::default(),
        }
    }

    /// True once the claim was seen as ours.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }

    /// True when nothing can be under way any more but what this request does.
    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.settled_at).is_none_or(Deadline::has_passed)
    }

    /// The claim as ours, claiming it if it is free. `None`: look again.
    pub(crate) async fn take(&self) -> Result<Option<Phase>, Barred> {
        *lock(&self.fresh_until) = Some(Deadline::after(FRESH));
        let was_held = self.is_held();
        let before = match self.ledger.read().await? {
            Standing::Free if was_held => return Err(Barred::Revoked),
            Standing::Free => {
                self.ledger.set_turn(self.request.clone());
                match self.ledger.create().await? {
                    Claimed::New => Phase::Looking,
                    Claimed::Taken => return Ok(None),
                }
            }
            Standing::Theirs(holder) => return Err(Barred::Held(holder)),
            Standing::OursUnreadable => return Err(Barred::Unreadable),
            Standing::Ours(phase) => phase,
        };
        self.ensure_not_overtaken()?;
        let mut phase = match before.clone() {
            Phase::Releasing { because: Some(reason), .. } if was_held => {
                return Err(Barred::TakenBack(reason));
            }
            Phase::Releasing { .. } if was_held => return Err(Barred::Revoked),
            // It removed nothing, because nothing was made.
            Phase::Releasing { targets, .. } if targets.iter().any(|mark| mark == NOTHING) => Phase::Looking,
            // A removal that gave up long ago: CloudFormation asks for the resource again.
            Phase::Releasing { id, targets, .. } => {
                let by = self.request.request.clone();
                id.map_or(Phase::Requesting { targets, by }, |id| Phase::Made { id, by: None })
            }
            phase @ (Phase::Looking
            | Phase::Requesting { .. }
            | Phase::Adopting { .. }
            | Phase::Made { .. }) => phase,
        };
        let turn = self.ledger.turn();
        let is_our_turn = turn.as_ref() == Some(&self.request);
        let is_twins = |turn: &Turn| turn.request == self.request.request && !turn.is_over;
        if turn.as_ref().is_some_and(|turn| is_twins(turn) && turn.sent != self.request.sent) {
            self.is_shared.store(true, Ordering::Relaxed);
        }
        let other = turn.filter(|turn| turn.request != self.request.request);
        if other.as_ref().is_some_and(|other| !other.is_over) {
            *lock(&self.settled_at) = Some(Deadline::after(SETTLE));
        }
        // Who was overtaken may have written over what this request had noted, and in the name of this one if it saw
        // that; another delivery of this request writes in its own.
        if (other.is_some() || is_our_turn)
            && let Some(noted) = lock(&self.noted).clone().filter(|noted| noted.is_by(&self.request.request))
        {
            phase = noted.joined_by(&phase);
        }
        if !is_our_turn || phase != before {
            self.ledger.set_turn(self.request.clone());
            self.note(phase.clone()).await?;
        }
        self.is_held.store(true, Ordering::Relaxed);
        Ok(Some(phase))
    }

    /// This request has overtaken another one, which may be taking back what it made.
    pub(crate) fn has_overtaken(&self) -> bool {
        lock(&self.settled_at).is_some()
    }

    /// The claim was looked at just now, and nothing was written since: what it says still holds.
    fn is_fresh(&self) -> bool {
        lock(&self.fresh_until).is_some_and(|deadline| !deadline.has_passed())
    }

    /// Fails unless what the claim says still holds: asked before every change.
    pub(crate) async fn ensure_fresh(&self) -> Result<(), Barred> {
        if self.is_fresh() {
            return Ok(());
        }
        // Once it was held, a free claim is one that was taken away, so there is none to look at again.
        self.take().await?.map(drop).ok_or(Barred::Revoked)
    }

    /// Writes down how far this request has come.
    pub(crate) async fn note(&self, phase: Phase) -> Result<(), Barred> {
        *lock(&self.fresh_until) = None;
        *lock(&self.noted) = Some(phase.clone());
        if self.ledger.write(phase).await? == Written::Revoked {
            return Err(Barred::Revoked);
        }
        // The write may have met that of a later request.
        self.ensure_not_overtaken()
    }

    fn ensure_not_overtaken(&self) -> Result<(), Barred> {
        let is_overtaken = self.ledger.has_later_turn(&self.request.request, self.request.sent);
        if is_overtaken { Err(Barred::Overtaken) } else { Ok(()) }
    }

    /// Writes down what this invocation made.
    pub(crate) async fn record_made(&self, id: &str) -> Result<(), Barred> {
        *lock(&self.made) = Some(id.to_owned());
        let by = Some(self.request.request.clone());
        self.note(Phase::Made { id: id.to_owned(), by }).await
    }

    /// Writes down that this invocation made it, perhaps anew: then it stays with the request that made it first, because
    /// giving up takes back only what was not there before.
    pub(crate) async fn record_made_anew(&self, id: &str, before: &Phase) -> Result<(), Barred> {
        match before {
            Phase::Made { .. } => {
                *lock(&self.made) = Some(id.to_owned());
                self.note(before.clone()).await
            }
            Phase::Looking | Phase::Requesting { .. } | Phase::Adopting { .. } | Phase::Releasing { .. } => {
                self.record_made(id).await
            }
        }
    }

    /// What has become of what this invocation made, once it was overtaken.
    /// `target` is where it leads, in the kind's words.
    pub(crate) async fn made_meanwhile(&self, target: &str) -> Result<Fate, Error> {
        let Some(made) = self.made() else { return Ok(Fate::Known) };
        Ok(match self.ledger.read().await? {
            Standing::Ours(Phase::Made { id, .. } | Phase::Releasing { id: Some(id), .. }) if id == made => {
                Fate::Known
            }
            // Whoever asks for the same may still find it.
            Standing::Ours(
                Phase::Requesting { targets, .. } | Phase::Releasing { id: None, targets, .. },
            ) if targets.iter().any(|one| one == target) => Fate::Open,
            Standing::Ours(Phase::Looking | Phase::Adopting { .. }) => Fate::Open,
            Standing::OursUnreadable => Fate::Known,
            Standing::Ours(Phase::Requesting { .. } | Phase::Made { .. } | Phase::Releasing { .. })
            | Standing::Free
            | Standing::Theirs(_) => Fate::Forgotten(made),
        })
    }

    /// The id of what this very invocation made.
    pub(crate) fn made(&self) -> Option<String> {
        lock(&self.made).clone()
    }

    /// Writes down how far the request came, and that it does nothing any more. False when another request was at work
    /// since the last look: what was seen then may be otherwise.
    pub(crate) async fn finish(&self, phase: Phase) -> Result<bool, Barred> {
        let is_over = !self.is_shared.load(Ordering::Relaxed);
        self.ledger.set_turn(Turn { is_over, ..self.request.clone() });
        self.ledger.has_met_another();
        self.note(phase).await?;
        Ok(!self.ledger.has_met_another())
    }

    /// The same wherever it came to; best effort, as the next request only waits longer without it.
    pub(crate) async fn finish_where_it_is(&self) {
        let finished = async {
            match self.ledger.read().await? {
                Standing::Ours(phase) if self.ledger.turn().is_some_and(|turn| turn == self.request) => {
                    self.finish(phase).await.map(drop)
                }
                Standing::Ours(_) | Standing::OursUnreadable | Standing::Free | Standing::Theirs(_) => Ok(()),
            }
        };
        if let Err(Barred::Call(error)) = finished.await {
            tracing::warn!(
                "the claim `{}` does not say that this request is over: {error}",
                self.ledger.name()
            );
        }
    }

    /// Records that what this request made is being removed, and why, so that a duplicate gives the same answer.
    /// False when there is nothing to remove.
    pub(crate) async fn begin_taking_back(&self, reason: String) -> Result<bool, Error> {
        let request = &self.request.request;
        let standing = self.ledger.read().await?;
        if self.ensure_not_overtaken().is_err() {
            return Ok(false);
        }
        let made = match standing {
            Standing::Ours(Phase::Made { id, by: Some(by) }) if by == *request => {
                Some((Some(id), Vec::new()))
            }
            Standing::Ours(Phase::Requesting { targets, by }) if by == *request => Some((None, targets)),
            // Only this invocation knows what it made.
            Standing::Free | Standing::Ours(Phase::Releasing { .. }) => {
                self.made().map(|id| (Some(id), Vec::new()))
            }
            // Nothing was made, and the claim is all there is to give back.
            Standing::Ours(Phase::Looking | Phase::Adopting { .. }) => {
                self.ledger.remove().await?;
                None
            }
            // An earlier request made it, or it is not ours: it stays.
            Standing::Ours(Phase::Made { .. } | Phase::Requesting { .. })
            | Standing::OursUnreadable
            | Standing::Theirs(_) => None,
        };
        let Some((id, targets)) = made else { return Ok(false) };
        let because = Some(reason.chars().take(LONGEST_REASON).collect());
        let written = self.ledger.write(Phase::Releasing { id, targets, because }).await?;
        Ok(written == Written::Noted)
    }
}
