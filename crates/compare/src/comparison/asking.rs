//! Asking one side, again while that can help, and counting what it costs.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use wait::{Deadline, Pace, Probe, Retry, Retryable, WaitError, until};

use crate::question::{Answered, Cursor, Question};
use crate::{Problem, Side};

/// How long a side that cannot answer for now is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one side cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes that its domain answered.
    pub(crate) read: u64,
    /// Bytes of the questions to it and its answers.
    pub(crate) exchanged: u64,
}

/// One side, being asked.
pub(crate) struct Asking<'a, S> {
    side: &'a S,
    name: &'static str,
    deadline: Deadline,
    read: AtomicU64,
    exchanged: AtomicU64,
}

impl<'a, S: Side> Asking<'a, S> {
    pub(crate) fn new(side: &'a S, name: &'static str, deadline: Deadline) -> Self {
        Self { side, name, deadline, read: AtomicU64::default(), exchanged: AtomicU64::default() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic { read: self.read.load(Ordering::Relaxed), exchanged: self.exchanged.load(Ordering::Relaxed) }
    }

    pub(crate) async fn ask(&self, question: &Question) -> Result<Answered, Problem> {
        if self.deadline.has_passed() {
            return Err(self.too_late("it was not asked any more"));
        }
        let patience = Deadline::after(PATIENCE);
        let pace = Pace::new(Duration::from_millis(500), Duration::from_secs(5));
        let look = || async {
            match self.side.ask(question, self.deadline).await {
                Err(problem) if problem.retry() == Retry::Later && !patience.has_passed() => Err(problem),
                answered => Ok(Probe::Ready(answered)),
            }
        };
        let answer = match until(self.deadline, &pace, |_| (), look).await {
            Ok(answered) => answered.map_err(|problem| problem.of(self.name))?,
            Err(WaitError::Failed(problem)) => return Err(problem.of(self.name)),
            Err(WaitError::TimedOut(out)) => return Err(self.too_late(&out.last)),
        };
        self.read.fetch_add(answer.bytes_read, Ordering::Relaxed);
        self.exchanged.fetch_add(length(question) + length(&answer), Ordering::Relaxed);
        Ok(answer.what)
    }

    fn too_late(&self, last: &str) -> Problem {
        Problem::passing(format!("{}: the time for the comparison is over: {last}", self.name))
    }

    /// A reading will not go on. What cannot be closed ends by itself.
    pub(crate) async fn close(&self, cursor: Cursor) {
        drop(self.side.ask(&Question::Close(cursor), self.deadline).await);
    }

    /// It answered something else.
    pub(crate) fn unexpected(&self) -> Problem {
        Problem::lasting(
            format!("{}: the answer is not one to the question", self.name),
            "Deploy the same version of the function on both sides.",
        )
    }
}

/// How many bytes it is when it is sent.
fn length(sent: &impl Serialize) -> u64 {
    struct Count(u64);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, sent).map_or(0, |()| count.0)
}
