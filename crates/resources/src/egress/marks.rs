//! What is written on the instance, as tags: leases, who started it, and who is about to stop it.
//!
//! The instance reads its leases from its own metadata, so keys hold no `/` and the value of a lease is a bare number.

use std::collections::BTreeMap;
use std::time::Duration;

use custom_resource::Passage;

/// `tandem:lease:<delivery>` = when it expires, in seconds since 1970.
pub(super) const LEASE: &str = "tandem:lease:";
/// `stopped`: one of us started the instance, which stood still. For people; [`STARTED`] is what counts.
pub(super) const FOUND: &str = "tandem:found";
/// When one of us asked for the start, in seconds since 1970, and the delivery. An earlier start is somebody else's, and a
/// later one too.
pub(super) const STARTED: &str = "tandem:started";
/// Who is about to stop it: when that expires, in seconds since 1970, and the delivery.
pub(super) const STOPPING: &str = "tandem:stopping";

/// The value of [`FOUND`].
pub(super) const STOPPED: &str = "stopped";

/// How long a lease outlives its invocation: a continuation renews it within that.
const OUTLIVES: Duration = Duration::from_mins(1);

/// How long after the request for it a start may be dated.
const START_TAKES: u64 = 120;

/// How long before the request for it a start of ours may be dated: what is seen may be that old, so that a second one of
/// us asked again, and two clocks differ.
const SEEN_LATE: u64 = 5;

/// The longest part of a request id in a key: a key holds 128 characters.
const LONGEST_ID: usize = 64;

/// The lease of one delivery of a request, in one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    /// The same in every invocation of the delivery, and of no other.
    pub(super) key: String,
    /// When it expires.
    pub(super) until: String,
}

impl Lease {
    pub(super) fn of(passage: &Passage<'_>) -> Self {
        let id: String = passage
            .request_id
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() { it } else { '-' })
            .take(LONGEST_ID)
            .collect();
        Self {
            key: format!("{LEASE}{id}:{}", passage.delivered_at.as_millis()),
            until: (passage.ends_at + OUTLIVES).as_secs().to_string(),
        }
    }

    /// The delivery alone.
    pub(super) fn delivery(&self) -> &str {
        self.key.strip_prefix(LEASE).unwrap_or(&self.key)
    }

    /// The value of the intent to stop, which expires so long from now.
    pub(super) fn intent(&self, expires: Duration) -> String {
        self.signed(expires)
    }

    /// The value of [`STARTED`]: no other start has the same, so that it can be taken back.
    pub(super) fn started(&self, asked: Duration) -> String {
        self.signed(asked)
    }

    fn signed(&self, at: Duration) -> String {
        format!("{} {}", at.as_secs(), self.delivery())
    }
}

/// The tags, as one delivery reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Somebody else holds a lease that has not expired.
    pub(super) others_hold: bool,
    /// Leases that have expired, with their values.
    pub(super) expired: Vec<(String, String)>,
    /// Somebody of us found it standing still.
    pub(super) is_found_stopped: bool,
    /// When one of us asked for the start.
    pub(super) started: Option<String>,
    /// An intent to stop that has not expired.
    pub(super) intent: Option<Intent>,
}

/// Somebody is about to stop the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    /// The whole value.
    pub(super) value: String,
    /// When it expires, in seconds since 1970.
    pub(super) expires: u64,
}

impl Marks {
    pub(super) fn read(tags: &BTreeMap<String, String>, own: &Lease, now: Duration) -> Self {
        let mut marks = Self::default();
        for (key, value) in tags {
            match key.as_str() {
                FOUND => marks.is_found_stopped = value == STOPPED,
                STARTED => marks.started = Some(value.clone()),
                STOPPING => {
                    marks.intent = Intent::read(value).filter(|intent| intent.expires > now.as_secs());
                }
                key if !key.starts_with(LEASE) || key == own.key => {}
                _ if value.parse::<u64>().is_ok_and(|end| end > now.as_secs()) => marks.others_hold = true,
                key => marks.expired.push((key.to_owned(), value.clone())),
            }
        }
        marks
    }

    /// What dead holders left, to be removed while it still says so.
    pub(super) fn doomed(&self) -> Vec<(&str, Option<&str>)> {
        self.expired.iter().map(|(key, value)| (key.as_str(), Some(value.as_str()))).collect()
    }

    /// Whether one of us started what runs now, and nobody has started it again since.
    pub(super) fn is_started_by_us(&self, launched_at: Option<Duration>) -> bool {
        let asked = self.started.as_deref().and_then(seconds);
        match (asked, launched_at) {
            (Some(asked), Some(launched)) => (asked.saturating_sub(SEEN_LATE)
                ..=asked.saturating_add(START_TAKES))
                .contains(&launched.as_secs()),
            (Some(_), None) => true,
            (None, _) => self.is_found_stopped,
        }
    }
}

impl Intent {
    fn read(value: &str) -> Option<Self> {
        Some(Self { value: value.to_owned(), expires: seconds(value)? })
    }
}

/// What a value with a delivery behind it begins with.
fn seconds(value: &str) -> Option<u64> {
    value.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn own() -> Lease {
        Lease { key: "tandem:lease:own:1".to_owned(), until: "1900".to_owned() }
    }

    fn read(tags: &[(&str, &str)]) -> Marks {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Marks::read(&tags, &own(), NOW)
    }

    #[test]
    fn only_a_lease_of_somebody_else_that_has_not_expired_holds() {
        for (key, value, holds, is_swept) in [
            ("tandem:lease:other:1", "1001", true, false),
            ("tandem:lease:other:1", "1000", false, true),
            ("tandem:lease:other:1", "soon", false, true),
            ("tandem:lease:own:1", "1900", false, false),
            ("tandem:lease:own:2", "1900", true, false),
            ("Name", "1900", false, false),
        ] {
            let marks = read(&[(key, value)]);
            assert_eq!((marks.others_hold, !marks.expired.is_empty()), (holds, is_swept), "{key} = {value}");
        }
    }

    #[test]
    fn an_intent_counts_until_it_expires() {
        assert_eq!(read(&[(STOPPING, "1000 other")]).intent, None);
        assert_eq!(read(&[(STOPPING, "soon")]).intent, None);
        let intent = read(&[(STOPPING, "1001")]).intent;
        assert_eq!(intent, Some(Intent { value: "1001".to_owned(), expires: 1001 }));
    }

    #[test]
    fn d10_a_start_is_ours_only_if_we_asked_for_that_very_one() {
        let at = |seconds| Some(Duration::from_secs(seconds));
        for (tags, launched, is_ours) in [
            (&[][..], at(900), false),
            (&[(FOUND, "stopped")], at(900), true),
            (&[(FOUND, "running")], at(900), false),
            (&[(FOUND, "stopped"), (STARTED, "900")], at(901), true),
            (&[(FOUND, "stopped"), (STARTED, "900")], at(1020), true),
            (&[(FOUND, "stopped"), (STARTED, "900")], at(1021), false),
            (&[(FOUND, "stopped"), (STARTED, "900")], None, true),
            (&[(STARTED, "900")], at(902), true),
            (&[(STARTED, "900 own:1")], at(902), true),
            // Seen as stopped for a moment longer, it was asked for twice.
            (&[(STARTED, "900 own:1")], at(895), true),
            (&[(STARTED, "900 own:1")], at(894), false),
        ] {
            assert_eq!(read(tags).is_started_by_us(launched), is_ours, "{tags:?} launched {launched:?}");
        }
    }
}
