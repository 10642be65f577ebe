//! Asking CloudFormation whether a request is still what it waits for.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wait::{Deadline, Pace, Probe, Retry, Retryable, WaitError, until};

use super::Service;
use crate::event::Event;
use crate::standing::{Standing, is_answered, standing};
use crate::{Envelope, Gate, Host, PhysicalId, Responder};

/// How long CloudFormation's own record may lag behind the event it sent.
const RECORD_LAG: Duration = Duration::from_secs(5);

impl<R: Responder, H: Host, G: Gate> Service<R, H, G> {
    /// What CloudFormation's record says, looked at again for a while before it may speak against the request.
    pub(super) async fn standing(
        &self,
        event: &Event,
        id: &PhysicalId,
        deadline: Deadline,
    ) -> Result<Standing, H::Error> {
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let verdict = Mutex::new(Standing::Current);
        let look = async || {
            let seen = match self.host.stack_resource(stack_id, logical_id).await {
                Ok(seen) => seen,
                // Unwell or throttled: nothing speaks against the request.
                Err(error) if error.retry() == Retry::Later => {
                    tracing::warn!("cannot ask CloudFormation about the resource now: {error}");
                    None
                }
                Err(error) => return Err(error),
            };
            let now = standing(&event.request, id, seen.as_ref());
            *verdict.lock().unwrap_or_else(PoisonError::into_inner) = now.clone();
            Ok(match now {
                Standing::Current => Probe::Ready(()),
                Standing::Over { status } | Standing::Abandoned { status } => Probe::NotYet(status),
            })
        };
        let deadline = deadline.min(Deadline::after(RECORD_LAG));
        match until(deadline, &Pace::default(), |_| (), look).await {
            Ok(()) | Err(WaitError::TimedOut(_)) => {
                Ok(verdict.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            Err(WaitError::Failed(error)) => Err(error),
        }
    }

    /// Whether CloudFormation has an answer, looked at for a while, because its record may lag behind that too.
    pub(super) async fn is_answered(&self, event: &Event, id: &PhysicalId, deadline: Deadline) -> bool {
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let look = async || {
            let seen = self.host.stack_resource(stack_id, logical_id).await?;
            Ok::<_, H::Error>(if is_answered(&event.request, id, seen.as_ref()) {
                Probe::Ready(())
            } else {
                Probe::NotYet("in progress".to_owned())
            })
        };
        until(deadline.min(Deadline::after(RECORD_LAG)), &Pace::default(), |_| (), look).await.is_ok()
    }
}
