//! How much time is left, on the monotonic clock that tests can pause.

use std::time::Duration;

use tokio::time::Instant;

/// The instant by which an operation must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that lies `span` from now.
    pub fn after(span: Duration) -> Self {
        Self(Instant::now() + span)
    }

    /// The same deadline, `span` earlier: what is left is the reserve of whoever set it.
    ///
    /// A reserve that is larger than the time left gives a deadline that has passed.
    #[must_use]
    pub fn less(self, span: Duration) -> Self {
        Self(self.0.checked_sub(span).unwrap_or_else(Instant::now))
    }

    /// The same deadline, `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0 + span)
    }

    /// The time left, zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// True when no time is left.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Runs `work`, and drops it when the deadline passes first: `None` then.
    pub async fn limit<F: Future>(self, work: F) -> Option<F::Output> {
        tokio::time::timeout_at(self.0, work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reserve_shortens_the_time_left() {
        let deadline = Deadline::after(Duration::from_secs(10));
        assert_eq!(deadline.less(Duration::from_secs(4)).remaining(), Duration::from_secs(6));
        assert!(deadline.less(Duration::from_secs(11)).has_passed());
        assert!(!deadline.has_passed());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_outlives_the_deadline_is_dropped() {
        let deadline = Deadline::after(Duration::from_secs(1));
        assert_eq!(deadline.limit(std::future::pending::<()>()).await, None);
        assert_eq!(Deadline::after(Duration::from_secs(1)).limit(async { 7 }).await, Some(7));
    }
}
