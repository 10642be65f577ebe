//! Looking again at what seems different, until it is not, or patience is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wait::{Deadline, Pace, Probe, WaitError, until};

use super::Sides;
use crate::looks::Suspects;
use crate::shape::Findings;
use crate::{Problem, Side};

/// The fewest further looks before something counts.
const LOOKS: u32 = 3;

/// What is under suspicion still.
struct Open {
    findings: Findings,
    suspects: Suspects,
    looks: u32,
}

impl Open {
    fn is_settled(&self) -> bool {
        self.findings.found.is_empty() && self.suspects.is_empty()
    }
}

/// What is left of findings and suspects.
pub(super) async fn settle<L: Side, F: Side>(
    sides: &Sides<'_, L, F>,
    findings: Findings,
    suspects: Suspects,
    deadline: Deadline,
    tell: &(impl Fn(&str) + Send + Sync),
) -> Result<(Findings, Suspects), Problem> {
    let open = Mutex::new(Open { findings, suspects, looks: 0 });
    let patience = Deadline::after(sides.what.patience);
    let pace = Pace::new(Duration::from_millis(500), Duration::from_secs(10));
    let look = || async {
        if lock(&open).is_settled() {
            return Ok(Probe::Ready(()));
        }
        if !lock(&open).findings.found.is_empty() {
            let (_, findings) = sides.shapes().await?;
            lock(&open).findings = findings;
        }
        let mut suspects = lock(&open).suspects.clone();
        sides.look(&mut suspects).await?;
        let mut open = lock(&open);
        open.suspects = suspects;
        open.looks += 1;
        let is_over = open.looks >= LOOKS && patience.has_passed();
        Ok(if open.is_settled() || is_over {
            Probe::Ready(())
        } else {
            let (documents, others) = (open.suspects.len(), open.findings.found.len());
            Probe::NotYet(format!("looking again at {documents} documents and {others} other differences"))
        })
    };
    // A look that takes long near the deadline is worth waiting for: it was begun in time.
    match until::<_, Problem, _>(deadline, &pace, tell, look).await {
        Ok(()) => {}
        Err(WaitError::Failed(problem)) => return Err(problem),
        Err(WaitError::TimedOut(out)) => {
            return Err(Problem::passing(format!("the time for the comparison is over: {}", out.last)));
        }
    }
    let open = open.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((open.findings, open.suspects))
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
