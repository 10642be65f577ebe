//! A NAT instance: a machine that starts, forwards some seconds later, stops, and is written on.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Code, Instance, InstanceState};

/// The wall clock when a world begins, since 1970.
pub(super) const EPOCH: Duration = Duration::from_secs(1_790_000_000);

/// The most tags that an instance holds.
const MOST_TAGS: usize = 50;

/// What a test may choose about a NAT instance.
#[derive(Clone, Debug)]
pub struct Nat {
    /// Its id.
    pub id: String,
    /// Where it is at the beginning.
    pub state: InstanceState,
    /// Pending.
    pub starting: Duration,
    /// From running until it forwards.
    pub booting: Duration,
    /// Stopping.
    pub stopping: Duration,
    /// How much later a description shows a tag that was written or removed.
    pub tags_visible: Duration,
    /// It halts itself after so long without a lease; none keeps it running.
    pub halts_after: Option<Duration>,
    /// How often a start is refused, and how.
    pub refuses_starts: Vec<Code>,
    /// A start falls back to stopped, as when its volume cannot be decrypted.
    pub falls_back: bool,
    /// It runs and does not forward.
    pub is_broken: bool,
}

impl Nat {
    /// One that stands still and halts itself.
    pub fn stopped() -> Self {
        Self {
            id: "i-0a1b2c3d4e5f60718".to_owned(),
            state: InstanceState::Stopped,
            starting: Duration::from_secs(12),
            booting: Duration::from_secs(9),
            stopping: Duration::from_secs(35),
            tags_visible: Duration::from_secs(2),
            halts_after: Some(Duration::from_mins(15)),
            refuses_starts: Vec::new(),
            falls_back: false,
            is_broken: false,
        }
    }

    /// One that somebody keeps running.
    pub fn running() -> Self {
        Self { state: InstanceState::Running, halts_after: None, ..Self::stopped() }
    }
}

/// The machine itself.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) nat: Nat,
    began: Instant,
    /// Every state with the instant it was entered; the last may lie ahead.
    life: Vec<(Instant, InstanceState)>,
    launched_at: Instant,
    /// Every version of the tags with the instant it was written.
    writings: Vec<(Instant, BTreeMap<String, String>)>,
}

impl Machine {
    pub(super) fn new(nat: Nat, began: Instant) -> Self {
        let life = vec![(began, nat.state.clone())];
        Self { nat, began, life, launched_at: began, writings: vec![(began, BTreeMap::new())] }
    }

    /// The state at an instant.
    pub(super) fn state(&self, now: Instant) -> InstanceState {
        let entered = self.life.iter().rev().find(|(at, _)| *at <= now);
        entered.map_or(InstanceState::Pending, |(_, state)| state.clone())
    }

    pub(super) fn forwards(&self, now: Instant) -> bool {
        let running = self.life.iter().rev().find(|(at, _)| *at <= now);
        let since = running.filter(|(_, state)| *state == InstanceState::Running).map(|(at, _)| *at);
        // One that runs when the world begins has booted long ago.
        let booting = if self.launched_at == self.began { Duration::ZERO } else { self.nat.booting };
        !self.nat.is_broken && since.is_some_and(|since| now >= since + booting)
    }

    /// Every state that was entered so far, with the time since the world began.
    pub(super) fn history(&self, now: Instant) -> Vec<(Duration, InstanceState)> {
        let past = self.life.iter().filter(|(at, _)| *at <= now);
        past.map(|(at, state)| (*at - self.began, state.clone())).collect()
    }

    /// The tags as they are.
    pub(super) fn tags(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.writings.last().map_or(&NONE, |(_, tags)| tags)
    }

    /// What a description shows.
    pub(super) fn describe(&self, now: Instant) -> Instance {
        let seen = self.writings.iter().rev().find(|(at, _)| *at + self.nat.tags_visible <= now);
        let fell = self.nat.falls_back && self.launched_at != self.began;
        Instance {
            state: self.state(now),
            reason: fell.then(|| "Client.InternalError: Client error on launch".to_owned()),
            launched_at: Some(EPOCH + (self.launched_at - self.began)),
            tags: seen.map(|(_, tags)| tags.clone()).unwrap_or_default(),
        }
    }

    pub(super) fn start(&mut self, now: Instant) -> Result<(), (Code, String)> {
        let state = self.state(now);
        match state {
            InstanceState::Pending | InstanceState::Running => Ok(()),
            InstanceState::Stopped if !self.nat.refuses_starts.is_empty() => {
                let code = self.nat.refuses_starts.remove(0);
                Err((code, "We currently do not have sufficient t4g.nano capacity".to_owned()))
            }
            InstanceState::Stopped => {
                self.launched_at = now;
                self.enter(now, InstanceState::Pending);
                let up = if self.nat.falls_back { InstanceState::Stopped } else { InstanceState::Running };
                self.life.push((now + self.nat.starting, up));
                Ok(())
            }
            InstanceState::Stopping
            | InstanceState::ShuttingDown
            | InstanceState::Terminated
            | InstanceState::Unknown(_) => Err((
                Code::DisabledOperation,
                format!("The instance '{}' is not in a state from which it can be started.", self.nat.id),
            )),
        }
    }

    pub(super) fn stop(&mut self, now: Instant) -> Result<(), (Code, String)> {
        match self.state(now) {
            InstanceState::Stopping | InstanceState::Stopped => Ok(()),
            InstanceState::Pending | InstanceState::Running => {
                self.enter(now, InstanceState::Stopping);
                self.life.push((now + self.nat.stopping, InstanceState::Stopped));
                Ok(())
            }
            InstanceState::ShuttingDown | InstanceState::Terminated | InstanceState::Unknown(_) => Err((
                Code::DisabledOperation,
                format!("The instance '{}' is not in a state from which it can be stopped.", self.nat.id),
            )),
        }
    }

    pub(super) fn terminate(&mut self, now: Instant) {
        self.enter(now, InstanceState::Terminated);
    }

    fn enter(&mut self, now: Instant, state: InstanceState) {
        self.life.retain(|(at, _)| *at <= now);
        self.life.push((now, state));
    }

    pub(super) fn tag(&mut self, now: Instant, tags: &[(&str, &str)]) -> Result<(), (Code, String)> {
        let mut written = self.tags().clone();
        written.extend(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        if written.len() > MOST_TAGS {
            return Err((Code::LimitExceeded, format!("The maximum number of tags is {MOST_TAGS}.")));
        }
        self.write(now, written);
        Ok(())
    }

    pub(super) fn untag(&mut self, now: Instant, tags: &[(&str, Option<&str>)]) {
        let mut written = self.tags().clone();
        written.retain(|key, value| {
            !tags.iter().any(|(doomed, only)| doomed == key && only.is_none_or(|only| only == value))
        });
        self.write(now, written);
    }

    fn write(&mut self, now: Instant, tags: BTreeMap<String, String>) {
        if *self.tags() != tags {
            self.writings.push((now, tags));
        }
    }

    /// Halts itself when it was idle for long enough, looking every minute.
    pub(super) fn advance(&mut self, now: Instant) {
        let Some(bound) = self.nat.halts_after else { return };
        let Some((since, InstanceState::Running)) =
            self.life.iter().rev().find(|(at, _)| *at <= now).cloned()
        else {
            return;
        };
        let (mut look, mut held) = (since, since);
        while look <= now {
            if self.is_leased(look) {
                held = look;
            }
            if look - held >= bound {
                self.enter(look, InstanceState::Stopping);
                self.life.push((look + self.nat.stopping, InstanceState::Stopped));
                return;
            }
            look += Duration::from_mins(1);
        }
    }

    fn is_leased(&self, at: Instant) -> bool {
        let now = (EPOCH + (at - self.began)).as_secs();
        let written = self.writings.iter().rev().find(|(written, _)| *written <= at);
        written.is_some_and(|(_, tags)| {
            let mut leases = tags.iter().filter(|(key, _)| key.starts_with("tandem:lease:"));
            leases.any(|(_, end)| end.parse::<u64>().is_ok_and(|end| end > now))
        })
    }
}
