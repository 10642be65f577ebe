//! Who owns what: the record that tells our half-finished work from somebody else's connection.
//!
//! A claim is made before the first effect and removed after the last one, so whatever a crash leaves behind is found
//! by it, and what has no claim is not ours to touch.

mod hold;
mod release;

use std::sync::{Mutex, MutexGuard, PoisonError};

use cloud::{Claimed, Claims, Error};
use custom_resource::{Context, Sent};
use serde::{Deserialize, Serialize};

pub(crate) use hold::{Barred, Fate, Hold};
pub(crate) use release::{Begun, Release};

/// How often in a row a write may meet another one, and is repeated with what both have noted.
const MEETINGS: usize = 8;

/// The resource of a stack, whatever request speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) stack_id: String,
    pub(crate) logical_id: String,
}

impl Holder {
    pub(crate) fn of(context: &Context) -> Self {
        Self { stack_id: context.stack_id.clone(), logical_id: context.logical_id.clone() }
    }
}

/// A holder in a message.
pub(crate) fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || "somebody whose claim this version cannot read".to_owned(),
        |holder| format!("resource `{}` of stack {}", holder.logical_id, holder.stack_id),
    )
}

/// How far the work under a claim has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Claimed. Nothing was made: what is there already is somebody else's.
    Looking,
    /// It may have been made: a request went out, or is about to.
    Requesting {
        /// What was asked for so far, in the kind's words: what comes to stand and is none of these is not ours.
        targets: Vec<String>,
        /// The request that asked last.
        by: String,
    },
    /// Somebody else's thing is being taken over. Until that is done it stays theirs: giving up leaves it alone.
    Adopting {
        /// The id of the thing.
        id: String,
    },
    /// It was made, or taken over.
    Made {
        /// The id of the thing.
        id: String,
        /// The request that made it; none when it was taken over.
        by: Option<String>,
    },
    /// It is being removed.
    Releasing {
        /// The id of the thing, if it is known.
        id: Option<String>,
        /// What was asked for, while the id is not known.
        targets: Vec<String>,
        /// The Reason of the request that failed and takes back what it made; none when a stack deletes it.
        because: Option<String>,
    },
}

impl Phase {
    /// The same, knowing of what an earlier request may have asked for.
    fn joined_by(self, earlier: &Self) -> Self {
        match (self, earlier) {
            // Another delivery of the request was quicker to make what this one is about to ask for.
            (Self::Requesting { by, .. }, made) if made.is_made_by(&by) => made.clone(),
            (Self::Requesting { mut targets, by }, Self::Requesting { targets: others, .. }) => {
                targets.extend(others.iter().cloned());
                targets.sort();
                targets.dedup();
                Self::Requesting { targets, by }
            }
            // A removal that saw nothing of ours has met a request that was about to make it.
            (Self::Releasing { id, mut targets, because }, Self::Requesting { .. } | Self::Made { .. }) => {
                targets.retain(|mark| mark != release::NOTHING);
                Self::Releasing { id, targets, because }
            }
            (phase, _) => phase,
        }
    }

    /// True for what this request has made.
    fn is_made_by(&self, request: &str) -> bool {
        matches!(self, Self::Made { by: Some(by), .. } if by == request)
    }

    /// True for what this request has asked for or made.
    fn is_by(&self, request: &str) -> bool {
        match self {
            Self::Requesting { by, .. } | Self::Made { by: Some(by), .. } => by == request,
            Self::Made { by: None, .. } | Self::Looking | Self::Adopting { .. } | Self::Releasing { .. } => {
                false
            }
        }
    }
}

/// Which request of the resource has its turn: of all that came, the one that CloudFormation sent last.
///
/// When a stack gives an Update up, it sends the Update back at once, while the one that was given up may still be at
/// work; both are requests of the same resource, and its status is the same for both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// The id of the request.
    pub(crate) request: String,
    pub(crate) sent: Sent,
    /// It does nothing any more.
    pub(crate) is_over: bool,
}

/// The record itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) holder: Holder,
    pub(crate) phase: Phase,
    /// What was, or may have been, made beside the thing itself, in the kind's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<String>,
    /// None in a record of a version that did not know turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<Turn>,
}

/// What goes with every write, as it was last read or set.
#[derive(Debug, Default)]
struct Notes {
    parts: Vec<String>,
    turn: Option<Turn>,
    /// The version it had then.
    version: u64,
    /// A write has met what another request had written since the last look.
    has_met: bool,
}

/// What every version of the record has.
#[derive(Deserialize)]
struct Held {
    holder: Holder,
}

/// A claim by name, over the port.
pub(crate) struct Ledger<'a, C> {
    claims: &'a C,
    name: String,
    holder: Holder,
    notes: Mutex<Notes>,
}

/// What has become of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Noted,
    Revoked,
}

/// What the ledger says of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody has claimed it.
    Free,
    /// We have.
    Ours(Phase),
    /// We have, and a version of this program that we do not understand has written how far it is.
    OursUnreadable,
    /// Somebody else has. None if even the holder cannot be read.
    Theirs(Option<Holder>),
}

impl<'a, C: Claims> Ledger<'a, C> {
    pub(crate) fn new(claims: &'a C, name: String, holder: Holder) -> Self {
        Self { claims, name, holder, notes: Mutex::default() }
    }

    /// The name of the claim, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Looks.
    pub(crate) async fn read(&self) -> Result<Standing, Error> {
        let Some(recorded) = self.claims.read(&self.name).await? else { return Ok(Standing::Free) };
        self.notes().version = recorded.version;
        let text = &recorded.text;
        Ok(match (serde_json::from_str::<Claim>(text), serde_json::from_str::<Held>(text)) {
            (Ok(claim), _) if claim.holder == self.holder => {
                let mut notes = self.notes();
                (notes.parts, notes.turn) = (claim.parts, claim.turn);
                Standing::Ours(claim.phase)
            }
            (Err(_), Ok(held)) if held.holder == self.holder => Standing::OursUnreadable,
            (_, Ok(held)) => Standing::Theirs(Some(held.holder)),
            (_, Err(_)) => Standing::Theirs(None),
        })
    }

    /// Claims what is free.
    pub(crate) async fn create(&self) -> Result<Claimed, Error> {
        let claimed = self.claims.create(&self.name, &self.text(Phase::Looking)).await?;
        self.notes().version = 1;
        Ok(claimed)
    }

    /// Writes how far we have come. [`Written::Revoked`]: the record was removed since the last look, and stays so.
    pub(crate) async fn write(&self, mut phase: Phase) -> Result<Written, Error> {
        // Whoever writes between our look and our write is written over, and may have ended since: nobody else would
        // write it again. Only somebody who writes all the time is met over and over.
        for _ in 0..MEETINGS {
            let before = self.notes().version;
            let version = self.claims.write(&self.name, &self.text(phase.clone())).await?;
            self.notes().version = version;
            // A record that was removed begins anew: a deletion was quicker, and nobody else would remove it again.
            if version <= before {
                self.remove().await?;
                return Ok(Written::Revoked);
            }
            let Some(merged) = self.overwritten(phase, before, version).await? else { break };
            phase = merged;
        }
        Ok(Written::Noted)
    }

    /// What to write instead, if that has written over what another request had noted meanwhile.
    async fn overwritten(&self, phase: Phase, before: u64, version: u64) -> Result<Option<Phase>, Error> {
        let (mut merged, mut has_met) = (phase.clone(), false);
        let (parts, turn) = (self.parts(), self.turn());
        for lost in before.saturating_add(1)..version {
            let Some(text) = self.claims.read_version(&self.name, lost).await? else { continue };
            if let Ok(claim) = serde_json::from_str::<Claim>(&text)
                && claim.holder == self.holder
            {
                let is_ours = |lost: &Turn| turn.as_ref().is_some_and(|turn| turn.request == lost.request);
                has_met |= !claim.turn.as_ref().is_some_and(is_ours);
                merged = self.merge(merged, turn.as_ref(), claim);
            }
        }
        self.notes().has_met |= has_met;
        let is_as_written = merged == phase && parts == self.parts() && turn == self.turn();
        Ok((!is_as_written).then_some(merged))
    }

    /// What holds of a record and one that it has written over: all parts, and the last phase of the latest request.
    fn merge(&self, ours: Phase, our_turn: Option<&Turn>, lost: Claim) -> Phase {
        let mut notes = self.notes();
        for part in lost.parts {
            if !notes.parts.contains(&part) {
                notes.parts.push(part);
            }
        }
        let is_ours = lost.turn.as_ref().map(|turn| &turn.request) == our_turn.map(|turn| &turn.request);
        let is_later = !is_ours
            && match (&notes.turn, &lost.turn) {
                (Some(latest), Some(lost)) => latest.sent <= lost.sent,
                (None, Some(_)) => true,
                (Some(_) | None, None) => false,
            };
        if is_later {
            notes.turn = lost.turn;
        }
        // What was merely read is no news to the one that was written over.
        let is_news = our_turn.is_some_and(|turn| ours.is_by(&turn.request))
            || matches!(ours, Phase::Adopting { .. } | Phase::Releasing { .. });
        if is_later || (!is_ours && !is_news) { lost.phase } else { ours.joined_by(&lost.phase) }
    }

    /// Whether a write has met what another request had written since this was asked last.
    fn has_met_another(&self) -> bool {
        std::mem::take(&mut self.notes().has_met)
    }

    /// Gives it up.
    pub(crate) async fn remove(&self) -> Result<(), Error> {
        self.claims.remove(&self.name).await
    }

    /// What was made beside the thing itself, as the claim was last read.
    pub(crate) fn parts(&self) -> Vec<String> {
        self.notes().parts.clone()
    }

    /// The next write says so.
    pub(crate) fn set_parts(&self, parts: Vec<String>) {
        self.notes().parts = parts;
    }

    /// Whose turn it is, as the claim was last read.
    fn turn(&self) -> Option<Turn> {
        self.notes().turn.clone()
    }

    /// The claim says that CloudFormation has sent a later request than this one.
    pub(crate) fn has_later_turn(&self, request: &str, sent: Sent) -> bool {
        self.notes().turn.as_ref().is_some_and(|turn| turn.request != request && turn.sent > sent)
    }

    /// The next write says so.
    fn set_turn(&self, turn: Turn) {
        self.notes().turn = Some(turn);
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self, phase: Phase) -> String {
        let (parts, turn) = (self.parts(), self.turn());
        // A record of strings always serialises; an empty text would read as somebody else's and change nothing.
        serde_json::to_string(&Claim { holder: self.holder.clone(), phase, parts, turn }).unwrap_or_default()
    }
}
