//! A claim while one invocation works under it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloud::{Claimed, Claims, Error};
use custom_resource::Context;
use wait::Deadline;

use super::{Holder, Ledger, Phase, Standing, Turn};

/// How long what an overtaken request had begun may still take effect. Longer than one call can take.
const SETTLE: Duration = Duration::from_secs(30);

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

/// A claim, and what this invocation has seen and done under it.
pub(crate) struct Hold<'a, C> {
    pub(crate) ledger: Ledger<'a, C>,
    request: Turn,
    /// This invocation has seen the claim as ours: should it vanish now, somebody is undoing the work.
    is_held: AtomicBool,
    /// The id of what this invocation made: the claim may be lost to a removal that ran at the same time.
    made: Mutex<Option<String>>,
    /// Until when a request that this one has overtaken may still do what it had begun.
    settled_at: Mutex<Option<Deadline>>,
}

impl<'a, C: Claims> Hold<'a, C> {
    pub(crate) fn new(ledger: Ledger<'a, C>, context: &Context) -> Self {
        let request = Turn { request: context.request_id.clone(), sent: context.sent, is_over: false };
        Self {
            ledger,
            request,
            is_held: AtomicBool::new(false),
            made: Mutex::default(),
            settled_at: Mutex::default(),
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
        let turn = self.ledger.turn();
        if turn
            .as_ref()
            .is_some_and(|turn| turn.request != self.request.request && turn.sent > self.request.sent)
        {
            return Err(Barred::Overtaken);
        }
        let phase = match before.clone() {
            Phase::Releasing { because: Some(reason), .. } if was_held => {
                return Err(Barred::TakenBack(reason));
            }
            Phase::Releasing { .. } if was_held => return Err(Barred::Revoked),
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
        let is_our_turn = turn.as_ref().is_some_and(|turn| turn.request == self.request.request);
        if !is_our_turn {
            if turn.is_some_and(|turn| !turn.is_over) {
                *lock(&self.settled_at) = Some(Deadline::after(SETTLE));
            }
            self.ledger.set_turn(self.request.clone());
        }
        if !is_our_turn || phase != before {
            self.ledger.write(phase.clone()).await?;
        }
        self.is_held.store(true, Ordering::Relaxed);
        Ok(Some(phase))
    }

    /// Writes down what this invocation made.
    pub(crate) async fn record_made(&self, id: &str) -> Result<(), Error> {
        *lock(&self.made) = Some(id.to_owned());
        let by = Some(self.request.request.clone());
        self.ledger.write(Phase::Made { id: id.to_owned(), by }).await
    }

    /// The id of what this very invocation made.
    pub(crate) fn made(&self) -> Option<String> {
        lock(&self.made).clone()
    }

    /// Writes down how far the request came, and that it does nothing any more.
    pub(crate) async fn finish(&self, phase: Phase) -> Result<(), Error> {
        self.ledger.set_turn(Turn { is_over: true, ..self.request.clone() });
        self.ledger.write(phase).await
    }

    /// The same wherever it came to; best effort, as the next request only waits longer without it.
    pub(crate) async fn finish_where_it_is(&self) {
        let finished = async {
            match self.ledger.read().await? {
                Standing::Ours(phase) if self.ledger.turn().is_some_and(|turn| turn == self.request) => {
                    self.finish(phase).await
                }
                Standing::Ours(_) | Standing::OursUnreadable | Standing::Free | Standing::Theirs(_) => Ok(()),
            }
        };
        if let Err(error) = finished.await {
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
        let made = match self.ledger.read().await? {
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
        self.ledger.write(Phase::Releasing { id, targets, because: Some(reason) }).await?;
        Ok(true)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
