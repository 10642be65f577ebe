//! A claim while one invocation works under it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloud::{Claimed, Claims, Error};

use super::{Holder, Ledger, Phase, Standing};

/// Why there is nothing to be done under the claim.
#[derive(Debug)]
pub(crate) enum Barred {
    /// It is somebody else's; none if the record is unreadable.
    Held(Option<Holder>),
    /// Another delivery of the request failed with this Reason, and takes back what was made.
    TakenBack(String),
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
    /// This invocation has seen the claim as ours: should it vanish now, somebody is undoing the work.
    is_held: AtomicBool,
    /// The id of what this invocation made: the claim may be lost to a removal that ran at the same time.
    made: Mutex<Option<String>>,
}

impl<'a, C: Claims> Hold<'a, C> {
    pub(crate) fn new(ledger: Ledger<'a, C>) -> Self {
        Self { ledger, is_held: AtomicBool::new(false), made: Mutex::new(None) }
    }

    /// True once the claim was seen as ours.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }

    /// The claim as ours, claiming it if it is free. `None`: look again.
    pub(crate) async fn take(&self) -> Result<Option<Phase>, Barred> {
        let was_held = self.is_held();
        let phase = match self.ledger.read().await? {
            Standing::Free if was_held => return Err(Barred::Revoked),
            Standing::Free => match self.ledger.create().await? {
                Claimed::New => Phase::Looking,
                Claimed::Taken => return Ok(None),
            },
            Standing::Theirs(holder) => return Err(Barred::Held(holder)),
            Standing::Ours(Phase::Releasing { because: Some(reason), .. }) if was_held => {
                return Err(Barred::TakenBack(reason));
            }
            Standing::Ours(Phase::Releasing { .. }) if was_held => return Err(Barred::Revoked),
            // A removal that gave up long ago: CloudFormation asks for the resource again.
            Standing::Ours(Phase::Releasing { id, targets, .. }) => {
                let resumed = id.map_or(Phase::Requesting { targets }, |id| Phase::Made { id, by: None });
                self.ledger.write(resumed.clone()).await?;
                resumed
            }
            Standing::Ours(phase) => phase,
        };
        self.is_held.store(true, Ordering::Relaxed);
        Ok(Some(phase))
    }

    /// Writes down what this invocation made.
    pub(crate) async fn record_made(&self, id: &str, by: &str) -> Result<(), Error> {
        *self.made_here() = Some(id.to_owned());
        self.ledger.write(Phase::Made { id: id.to_owned(), by: Some(by.to_owned()) }).await
    }

    /// The id of what this very invocation made.
    pub(crate) fn made(&self) -> Option<String> {
        self.made_here().clone()
    }

    /// Records that what this request made is being removed, and why, so that a duplicate gives the same answer.
    pub(crate) async fn begin_taking_back(&self, reason: String) -> Result<(), Error> {
        let made = match self.ledger.read().await? {
            Standing::Ours(Phase::Made { id, .. }) => Some((Some(id), Vec::new())),
            Standing::Ours(Phase::Requesting { targets }) => Some((None, targets)),
            Standing::Free => self.made().map(|id| (Some(id), Vec::new())),
            Standing::Ours(Phase::Looking | Phase::Releasing { .. }) | Standing::Theirs(_) => None,
        };
        if let Some((id, targets)) = made {
            self.ledger.write(Phase::Releasing { id, targets, because: Some(reason) }).await?;
        }
        Ok(())
    }

    fn made_here(&self) -> MutexGuard<'_, Option<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
