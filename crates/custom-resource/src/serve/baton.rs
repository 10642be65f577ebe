//! The baton: which of the invocations that were started for a resource goes on. Decisions, no calls.
//!
//! It is one small text on record for each resource. It says whose it is, because Lambda may deliver a request again after
//! the next one, and who runs with it, because Lambda may deliver a continuation again while it is at work.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Sent;

/// How long after its time-out an invocation is taken for alive, because clocks differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// One delivery of a request. Its continuations belong to it, and share its passage through the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) sent: Sent,
}

/// What is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Baton {
    /// What the continuation that goes on was given.
    pub(super) name: String,
    /// Whose it is. Unknown of what an older version recorded, which was the name alone.
    pub(super) of: Option<Delivery>,
    /// Who runs with it.
    pub(super) taken: Option<Taken>,
}

/// The invocation that runs with the baton.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) by: String,
    /// In seconds since 1970: after that it is dead, or it would have passed the baton on or put it down.
    pub(super) until: u64,
}

/// One invocation, as far as the baton is concerned.
#[derive(Clone, Debug)]
pub(super) struct Claimant<'a> {
    pub(super) delivery: Delivery,
    /// The baton it was given, if it is a continuation.
    pub(super) given: Option<&'a str>,
    /// Its own name, by which it takes a baton, and which is the name of the one it passes on.
    pub(super) name: &'a str,
    /// The wall clock, since 1970.
    pub(super) now: Duration,
    /// When it ends on that clock.
    pub(super) ends_at: Duration,
}

/// Who goes on with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// This invocation.
    This,
    /// One that has the same baton, and lives.
    Twin,
    /// Another one; of the same delivery it goes through the gate on the same passage.
    Another { shares_passage: bool },
    /// None: it has ended.
    Nobody,
}

impl Baton {
    /// Reads what is on record; what cannot be read is taken for a name.
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self { name: text.to_owned(), of: None, taken: None })
    }

    /// The text on record.
    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| self.name.clone())
    }
}

impl Claimant<'_> {
    /// The baton it was given, with itself running.
    pub(super) fn takes(&self, given: &str) -> Baton {
        let until = self.ends_at.saturating_add(CLOCKS_DIFFER).as_secs();
        let taken = Some(Taken { by: self.name.to_owned(), until });
        Baton { name: given.to_owned(), of: Some(self.delivery.clone()), taken }
    }

    /// A baton that nobody runs with yet.
    pub(super) fn passes(&self, name: &str) -> Baton {
        Baton { name: name.to_owned(), of: Some(self.delivery.clone()), taken: None }
    }

    /// Who goes on. A first invocation needs no baton, and takes over from every delivery of its request and of earlier
    /// ones; a continuation needs the baton it was given, unless what is on record belongs to an earlier request.
    pub(super) fn runner(&self, on_record: Option<&Baton>) -> Runner {
        let Some(baton) = on_record else {
            return if self.given.is_some() { Runner::Nobody } else { Runner::This };
        };
        let other = baton.of.as_ref().filter(|of| of.request_id != self.delivery.request_id);
        match (self.given, other) {
            (_, Some(other)) if other.sent > self.delivery.sent => Runner::Another { shares_passage: false },
            (None, _) | (_, Some(_)) => Runner::This,
            (Some(given), None) if given != baton.name => {
                let shares_passage = baton.of.as_ref().is_none_or(|of| *of == self.delivery);
                Runner::Another { shares_passage }
            }
            (Some(_), None) => match &baton.taken {
                Some(taken) if taken.by != self.name && taken.until > self.now.as_secs() => Runner::Twin,
                Some(_) | None => Runner::This,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseUrl;

    fn delivery(request_id: &str, signed: u64, delivered: u64) -> Delivery {
        let url = ResponseUrl::new(format!("https://bucket/key?Expires={signed}"));
        Delivery { request_id: request_id.to_owned(), sent: Sent::of(&url, Duration::from_secs(delivered)) }
    }

    fn claimant(given: Option<&'static str>) -> Claimant<'static> {
        let (now, ends_at) = (Duration::from_secs(1000), Duration::from_secs(1900));
        Claimant { delivery: delivery("change", 5, 50), given, name: "me", now, ends_at }
    }

    fn baton(name: &str, of: Option<Delivery>, taken: Option<(&str, u64)>) -> Baton {
        let taken = taken.map(|(by, until)| Taken { by: by.to_owned(), until });
        Baton { name: name.to_owned(), of, taken }
    }

    #[test]
    fn who_goes_on() {
        let other_passage = Runner::Another { shares_passage: false };
        let same_passage = Runner::Another { shares_passage: true };
        let (ours, again) = (delivery("change", 5, 50), delivery("change", 5, 90));
        let (earlier, later) = (delivery("before", 4, 99), delivery("back", 6, 10));
        for (on_record, first, continuation) in [
            (None, Runner::This, Runner::Nobody),
            (Some(baton("g", Some(ours.clone()), None)), Runner::This, Runner::This),
            (Some(baton("g", None, None)), Runner::This, Runner::This),
            (Some(baton("x", None, None)), Runner::This, same_passage),
            (Some(baton("x", Some(ours.clone()), None)), Runner::This, same_passage),
            (Some(baton("x", Some(again), None)), Runner::This, other_passage),
            (Some(baton("x", Some(earlier), None)), Runner::This, Runner::This),
            (Some(baton("x", Some(later), None)), other_passage, other_passage),
            (Some(baton("g", Some(ours.clone()), Some(("me", 1900)))), Runner::This, Runner::This),
            (Some(baton("g", Some(ours.clone()), Some(("twin", 1900)))), Runner::This, Runner::Twin),
            (Some(baton("g", Some(ours), Some(("dead", 1000)))), Runner::This, Runner::This),
        ] {
            assert_eq!(claimant(None).runner(on_record.as_ref()), first, "{on_record:?}");
            assert_eq!(claimant(Some("g")).runner(on_record.as_ref()), continuation, "{on_record:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_a_name_alone_is_a_baton_of_unknown_owner() {
        let taken = claimant(Some("g")).takes("g");
        assert_eq!(Baton::read(&taken.written()), taken);
        for text in ["1790000000000000000", "", "{}", "[1]", "null"] {
            assert_eq!(Baton::read(text), baton(text, None, None));
        }
    }
}
