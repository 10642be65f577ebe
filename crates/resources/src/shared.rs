//! What the looks of one invocation remember.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wait::Deadline;

/// What is remembered, whatever became of whoever held it last.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time that something is given, from the first time it was asked about.
#[derive(Debug, Default)]
pub(crate) struct Grace(Mutex<Option<Deadline>>);

impl Grace {
    /// False for this long from the first time on.
    pub(crate) fn has_passed(&self, span: Duration) -> bool {
        lock(&self.0).get_or_insert_with(|| Deadline::after(span)).has_passed()
    }

    /// The next time is the first again.
    pub(crate) fn clear(&self) {
        *lock(&self.0) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "tests sleep on the paused clock")]
    async fn a_grace_begins_when_it_is_first_asked_and_again_after_it_was_cleared() {
        let (grace, span) = (Grace::default(), Duration::from_secs(10));
        tokio::time::sleep(span).await;
        assert!(!grace.has_passed(span));
        tokio::time::sleep(span).await;
        assert!(grace.has_passed(span));
        grace.clear();
        assert!(!grace.has_passed(span));
    }
}
