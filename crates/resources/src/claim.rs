//! Who owns what: the record that tells our half-finished work from somebody else's connection.
//!
//! A claim is made before the first effect and removed after the last one, so whatever a crash leaves behind is found
//! by it, and what has no claim is not ours to touch.

mod hold;

use std::sync::{Mutex, PoisonError};

use cloud::{Claimed, Claims, Error};
use custom_resource::Context;
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
    },
    /// It was made or adopted.
    Made {
        /// The id of the thing.
        id: String,
        /// The request that made it; none when it was adopted.
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

/// The record itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) holder: Holder,
    pub(crate) phase: Phase,
    /// What was, or may have been, made beside the thing itself, in the kind's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<String>,
}

/// A claim by name, over the port.
pub(crate) struct Ledger<'a, C> {
    claims: &'a C,
    name: String,
    holder: Holder,
    /// As they were last read or set; they go with every write.
    parts: Mutex<Vec<String>>,
}

/// What the ledger says of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody has claimed it.
    Free,
    /// We have.
    Ours(Phase),
    /// Somebody else has. None if the record is unreadable: not ours in any case.
    Theirs(Option<Holder>),
}

impl<'a, C: Claims> Ledger<'a, C> {
    pub(crate) fn new(claims: &'a C, name: String, holder: Holder) -> Self {
        Self { claims, name, holder, parts: Mutex::default() }
    }

    /// The name of the claim, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Looks.
    pub(crate) async fn read(&self) -> Result<Standing, Error> {
        let Some(text) = self.claims.read(&self.name).await? else { return Ok(Standing::Free) };
        Ok(match serde_json::from_str::<Claim>(&text) {
            Ok(claim) if claim.holder == self.holder => {
                self.set_parts(claim.parts);
                Standing::Ours(claim.phase)
            }
            Ok(claim) => Standing::Theirs(Some(claim.holder)),
            Err(_) => Standing::Theirs(None),
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
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next write says so.
    pub(crate) fn set_parts(&self, parts: Vec<String>) {
        *self.parts.lock().unwrap_or_else(PoisonError::into_inner) = parts;
    }

    fn text(&self, phase: Phase) -> String {
        // A record of strings always serialises; an empty text would read as somebody else's and change nothing.
        serde_json::to_string(&Claim { holder: self.holder.clone(), phase, parts: self.parts() })
            .unwrap_or_default()
    }
}
