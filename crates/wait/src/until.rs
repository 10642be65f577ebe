//! The one loop that waits.

use std::error::Error;
use std::time::Duration;

use crate::{Deadline, Pace, chain};

/// What a look found.
#[derive(Debug)]
pub enum Probe<T> {
    /// It is true now.
    Ready(T),
    /// Not yet; the text is the state seen, as a person wants to read it in a time-out ("VALIDATING").
    NotYet(String),
}

impl<T> Probe<T> {
    /// Not yet, in the state that was seen.
    pub fn not_yet(state: impl Into<String>) -> Self {
        Self::NotYet(state.into())
    }
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Throttled, or the service is unwell: try again at a slower pace.
    Later,
    /// The answer will not change by asking again: a denial, a bad argument, a failed state.
    Never,
}

/// An error that knows whether asking again can help.
pub trait Retryable {
    /// Decided here, once, and not by whoever calls.
    fn retry(&self) -> Retry;
}

/// Why the waiting ended without success.
#[derive(Debug, thiserror::Error)]
pub enum WaitError<E> {
    /// Time ran out. What was waited for never became true.
    #[error(transparent)]
    TimedOut(TimedOut),
    /// A look failed in a way that waiting cannot mend, or found a state from which nothing follows.
    #[error(transparent)]
    Failed(E),
}

/// A wait whose time ran out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not within {} s ({polls} looks); last status: {last}", .waited.as_secs())]
pub struct TimedOut {
    /// How long it was waited.
    pub waited: Duration,
    /// How often it was looked.
    pub polls: u32,
    /// The last state seen, or the last error that slowed the pace.
    pub last: String,
}

/// How long a look that was under way at the deadline, or began there, may still take.
const GRACE: Duration = Duration::from_secs(1);

/// Looks until the probe is ready, at the given pace, until the deadline.
///
/// # Guarantees
/// - The first look is at once; the last look is at the deadline, not one interval before it.
/// - A status that differs from the one before is progress: it is handed to `on_change` once, and the pace starts again.
/// - An error with [`Retry::Later`] slows the pace and never ends the waiting before the deadline.
/// - An error with [`Retry::Never`] ends it at once.
///
/// # Assumptions
/// A probe ends: calls inside carry their own time-outs. One that does not is cut off one second after the deadline.
pub async fn until<T, E, F>(
    deadline: Deadline,
    pace: &Pace,
    on_change: impl Fn(&str),
    mut probe: impl FnMut() -> F,
) -> Result<T, WaitError<E>>
where
    F: Future<Output = Result<Probe<T>, E>>,
    E: Retryable + Error + 'static,
{
    let start = deadline.remaining();
    let mut delays = pace.delays();
    let mut last: Option<String> = None;
    let mut polls = 0;
    loop {
        polls += 1;
        let limit = deadline.max(Deadline::after(Duration::ZERO)).plus(GRACE);
        let unwell = match limit.limit(probe()).await {
            Some(Ok(Probe::Ready(value))) => return Ok(value),
            Some(Ok(Probe::NotYet(status))) => {
                if last.as_deref() != Some(status.as_str()) {
                    on_change(&status);
                    delays = pace.delays();
                    last = Some(status);
                }
                None
            }
            Some(Err(error)) if error.retry() == Retry::Later => Some(chain(&error)),
            Some(Err(error)) => return Err(WaitError::Failed(error)),
            None => Some("the last look did not come back".to_owned()),
        };
        // A look that ended after the deadline was the last one.
        if deadline.has_passed() {
            let waited = start.saturating_sub(deadline.remaining());
            let last = match (last, unwell) {
                (Some(status), Some(error)) => format!("{status}, then {error}"),
                (Some(status), None) => status,
                (None, Some(error)) => error,
                (None, None) => "nothing was seen".to_owned(),
            };
            return Err(WaitError::TimedOut(TimedOut { waited, polls, last }));
        }
        let delay = if unwell.is_some() { delays.slow() } else { delays.advance() };
        #[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
        tokio::time::sleep(delay.min(deadline.remaining())).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use tokio::time::Instant;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Refused(&'static str, Retry);

    impl Retryable for Refused {
        fn retry(&self) -> Retry {
            self.1
        }
    }

    type Look = Result<Probe<u32>, Refused>;

    /// A script of looks under paused time; the last entry repeats. Returns the result, the second of each look
    /// (rounded), and the changes that were reported.
    async fn run(
        seconds: u64,
        script: &[fn() -> Look],
    ) -> (Result<u32, WaitError<Refused>>, Vec<u64>, Vec<String>) {
        let start = Instant::now();
        let (count, instants, changes) = (Cell::new(0), RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let pace = Pace::default().seeded(1);
        let deadline = Deadline::after(Duration::from_secs(seconds));
        let result = until(
            deadline,
            &pace,
            |status| changes.borrow_mut().push(status.to_owned()),
            || {
                instants.borrow_mut().push(start.elapsed().as_secs());
                let look = script[count.get().min(script.len() - 1)];
                count.set(count.get() + 1);
                async move { look() }
            },
        )
        .await;
        (result, instants.into_inner(), changes.into_inner())
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is a look of the script")]
    fn not_yet(status: &str) -> Look {
        Ok(Probe::NotYet(status.to_owned()))
    }

    const VALIDATING: fn() -> Look = || not_yet("VALIDATING");
    const PROVISIONING: fn() -> Look = || not_yet("PROVISIONING");
    const READY: fn() -> Look = || Ok(Probe::Ready(7));
    const THROTTLED: fn() -> Look = || Err(Refused("rate exceeded", Retry::Later));
    const DENIED: fn() -> Look = || Err(Refused("access denied", Retry::Never));

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_at_once_costs_no_time() {
        let (result, instants, changes) = run(60, &[READY]).await;
        assert_eq!((result.unwrap(), instants, changes), (7, vec![0], vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_reported_once_and_restarts_the_pace() {
        let mut long: Vec<fn() -> Look> = vec![VALIDATING; 8];
        long.extend([PROVISIONING, PROVISIONING, READY]);
        let (result, instants, changes) = run(600, &long).await;
        assert_eq!(result.unwrap(), 7);
        assert_eq!(changes, ["VALIDATING", "PROVISIONING"]);
        let gaps: Vec<_> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[7] >= 4, "eight looks at the same state have slowed down: {gaps:?}");
        assert!(gaps[8] <= 2, "a new state starts the pace again: {gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_out_says_the_last_status_and_looks_once_more_at_the_deadline() {
        let (result, instants, _) = run(30, &[VALIDATING]).await;
        let error = result.unwrap_err();
        assert_eq!(*instants.last().unwrap(), 30);
        let polls = instants.len();
        assert_eq!(error.to_string(), format!("not within 30 s ({polls} looks); last status: VALIDATING"));
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_slows_the_pace_and_never_fails_the_wait() {
        let (result, instants, _) = run(600, &[VALIDATING, THROTTLED, THROTTLED, THROTTLED, READY]).await;
        assert_eq!(result.unwrap(), 7);
        let gaps: Vec<_> = instants.windows(2).skip(1).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (4..=10).contains(gap)), "{gaps:?}");
        let (result, _, _) = run(15, &[THROTTLED]).await;
        assert!(matches!(result, Err(WaitError::TimedOut(out)) if out.last == "rate exceeded"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_fails_at_once() {
        let (result, instants, _) = run(600, &[DENIED]).await;
        assert_eq!(instants, [0]);
        assert_eq!(result.unwrap_err().to_string(), "access denied");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_never_comes_back_is_cut_off_after_the_deadline() {
        let start = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(20));
        let result: Result<(), WaitError<Refused>> =
            until(deadline, &Pace::default(), |_| (), std::future::pending::<Result<Probe<()>, Refused>>)
                .await;
        assert_eq!(start.elapsed().as_secs(), 21);
        assert!(
            matches!(result, Err(WaitError::TimedOut(out)) if out.last == "the last look did not come back")
        );
    }
}
