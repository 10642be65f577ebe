//! Calls to one domain, each repeated while that can help, and counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloud::{Method, Search, SearchError};
use serde::Deserialize;
use serde_json::Value;
use wait::{Deadline, Pace, Probe, WaitError, until};

use crate::Problem;

/// How long a call that is refused for now is repeated.
const PATIENCE: Duration = Duration::from_secs(30);

/// A domain that is being asked.
pub(crate) struct Domain<'a, S> {
    session: &'a S,
    deadline: Deadline,
    bytes: AtomicU64,
}

/// What became of a call.
pub(crate) enum Said {
    /// The answer.
    Text(String),
    /// It is longer than was allowed.
    TooLong,
    /// The domain refused, for good.
    Refused(SearchError),
}

impl<'a, S: Search> Domain<'a, S> {
    pub(crate) fn new(session: &'a S, deadline: Deadline) -> Self {
        Self { session, deadline, bytes: AtomicU64::new(0) }
    }

    /// By when all must be answered.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// How many bytes it has answered.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A call whose refusal is a problem. `wanted`: "cannot read the index `x`".
    pub(crate) async fn ask(
        &self,
        wanted: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Problem> {
        match self.call(wanted, method, path, body, usize::MAX).await? {
            Said::Text(text) => read(wanted, &text),
            Said::TooLong => Err(Problem::passing(format!("{wanted}: the answer is too long"))),
            Said::Refused(error) => Err(Problem::search(wanted, &error)),
        }
    }

    /// A call that the caller judges. Throttled, or the domain unwell: it backs off and asks again.
    pub(crate) async fn call(
        &self,
        wanted: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Said, Problem> {
        let deadline = self.deadline.min(Deadline::after(PATIENCE));
        let pace = Pace::new(Duration::from_millis(200), Duration::from_secs(5));
        let look = || async {
            match self.session.read(method, path, body, most).await {
                Ok(Some(text)) => Ok(Probe::Ready(Said::Text(text))),
                Ok(None) => Ok(Probe::Ready(Said::TooLong)),
                Err(error) => Err(error),
            }
        };
        let said = match until(deadline, &pace, |_| (), look).await {
            Ok(said) => said,
            Err(WaitError::Failed(error)) => Said::Refused(error),
            Err(WaitError::TimedOut(out)) => return Err(Problem::passing(format!("{wanted}: {out}"))),
        };
        if let Said::Text(text) = &said {
            self.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        }
        Ok(said)
    }
}

/// How many shards answered.
#[derive(Deserialize)]
pub(crate) struct Shards {
    total: u64,
    successful: u64,
    failed: u64,
}

impl Shards {
    /// What an answer says of them.
    pub(crate) fn of(wanted: &str, answer: &Value) -> Result<Self, Problem> {
        let shards = answer.get("_shards").unwrap_or(&Value::Null);
        Self::deserialize(shards).map_err(|error| unreadable(wanted, &error))
    }

    /// Every one, and there is one: an answer without a shard is no answer about it.
    pub(crate) fn all_answered(&self, wanted: &str) -> Result<(), Problem> {
        self.none_failed(wanted)?;
        if self.successful == 0 || self.successful < self.total {
            let Self { total, successful, .. } = self;
            return Err(Problem::passing(format!("{wanted}: {successful} of {total} shards answered")));
        }
        Ok(())
    }

    /// None refused; some may not have answered.
    pub(crate) fn none_failed(&self, wanted: &str) -> Result<(), Problem> {
        let Self { total, failed, .. } = self;
        if *failed > 0 {
            return Err(Problem::passing(format!("{wanted}: {failed} of {total} shards failed")));
        }
        Ok(())
    }
}

/// An answer as JSON.
pub(crate) fn read<'a, T: serde::Deserialize<'a>>(wanted: &str, text: &'a str) -> Result<T, Problem> {
    let text = if text.is_empty() { "null" } else { text };
    serde_json::from_str(text).map_err(|error| unreadable(wanted, &error))
}

fn unreadable(wanted: &str, error: &serde_json::Error) -> Problem {
    Problem::passing(format!("{wanted}: the answer cannot be read: {error}"))
}
