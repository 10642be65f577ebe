//! Who owns what: the record that tells our half-finished work from somebody else's connection.
//!
//! A claim is made before the first effect and removed after the last one, so whatever a crash leaves behind is found
//! by it, and what has no claim is not ours to touch.

mod hold;

use std::sync::{Mutex, MutexGuard, PoisonError};

use cloud::{Claimed, Claims, Error};
use custom_resource::{Context, Sent};
use serde::{Deserialize, Serialize};

pub(crate) use hold::{Barred, Hold};

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
        let Some(text) = self.claims.read(&self.name).await? else { return Ok(Standing::Free) };
        Ok(match (serde_json::from_str::<Claim>(&text), serde_json::from_str::<Held>(&text)) {
            (Ok(claim), _) if claim.holder == self.holder => {
                *self.notes() = Notes { parts: claim.parts, turn: claim.turn };
                Standing::Ours(claim.phase)
            }
            (Err(_), Ok(held)) if held.holder == self.holder => Standing::OursUnreadable,
            (_, Ok(held)) => Standing::Theirs(Some(held.holder)),
            (_, Err(_)) => Standing::Theirs(None),
        })
    }

    /// Claims what is free.
    pub(crate) async fn create(&self) -> Result<Claimed, Error> {
        self.claims.create(&self.name, &self.text(Phase::Looking)).await
    }

    /// Writes how far we have come.
    pub(crate) async fn write(&self, phase: Phase) -> Result<(), Error> {
        self.claims.write(&self.name, &self.text(phase)).await
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
