//! The work, once there is a way out.

use std::time::Duration;

use wait::Deadline;

use super::continuing::Runner;
use super::{Ending, Service};
use crate::event::{Event, Request};
use crate::resource::{Context, Kind};
use crate::{Failure, Gate, Host, Outcome, Passage, PhysicalId, Responder};

/// How long a deletion is tried whose gate does not open.
const WITHOUT_GATE: Duration = Duration::from_secs(30);

/// How long its last call may take.
const LAST_CALL: Duration = Duration::from_secs(5);

impl<R: Responder, H: Host, G: Gate> Service<R, H, G> {
    /// Opens the gate, and works, unless another invocation does.
    pub(super) async fn work_behind_gate(
        &self,
        kind: &Kind,
        event: &Event,
        id: &PhysicalId,
        context: &Context,
        passage: &Passage<'_>,
    ) -> Ending {
        let reason = match self.gate.open(passage).await {
            Ok(()) => {
                return match self.runner(event).await {
                    Runner::This => self.work(kind, event, id, context).await,
                    Runner::Another => Ending::Elsewhere,
                    Runner::Nobody => Ending::NobodyWaits("answered".to_owned()),
                };
            }
            Err(failure @ Failure::OutOfTime { .. }) => return Ending::OutOfTime(failure.reason()),
            Err(failure @ (Failure::Failed { .. } | Failure::Overtaken)) => failure.reason(),
        };
        let refusal = Ending::Answer(Outcome::Failed(reason));
        if !matches!(event.request, Request::Delete { .. }) {
            return refusal;
        }
        // A rollback must get rid of what was never made, and to see that may need no way out.
        tracing::warn!("the gate does not open: trying the deletion without it");
        let deadline = context.deadline.min(Deadline::after(WITHOUT_GATE));
        let hurried = Context { deadline, ..context.clone() };
        match deadline.plus(LAST_CALL).limit(self.work(kind, event, id, &hurried)).await {
            Some(done @ (Ending::Answer(Outcome::Success(_)) | Ending::NobodyWaits(_))) => done,
            Some(
                Ending::Answer(Outcome::Failed(_))
                | Ending::OutOfTime(_)
                | Ending::NotUndone(_)
                | Ending::Elsewhere,
            )
            | None => refusal,
        }
    }
}
