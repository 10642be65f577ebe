//! After the answer: whether CloudFormation ever heard of it.

use std::time::Duration;

use wait::{Deadline, Pace, Probe, until};

use super::{Ending, ServeError, Service, context};
use crate::event::Event;
use crate::limits::Limits;
use crate::resource::Change;
use crate::standing::{Standing, standing};
use crate::{Envelope, Gate, Host, Invocation, PhysicalId, Responder};

/// How long after its answer a replacement is watched until the stack has it on record, or was rolled back.
const HEARD_WITHIN: Duration = Duration::from_mins(1);

impl<R: Responder, H: Host, G: Gate> Service<R, H, G> {
    /// After the answer to a replacement: if the stack was rolled back before it heard of the new id, nobody will ever
    /// delete what it names.
    pub(super) async fn take_back_unheard(
        &self,
        event: &Event,
        invocation: &Invocation,
        id: &PhysicalId,
        limits: &Limits,
    ) -> Result<(), ServeError> {
        let Ok((kind, _, home)) = self.kind_of(event, invocation) else { return Ok(()) };
        let context = context(event, id, home, limits);
        if context.change != Change::Replacement {
            return Ok(());
        }
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let look = async || {
            let seen = self.host.stack_resource(stack_id, logical_id).await?;
            let is_heard = seen.as_ref().is_none_or(|seen| seen.physical_id.as_deref() == Some(id.as_str()));
            let now = standing(&event.request, id, seen.as_ref());
            Ok::<_, H::Error>(match now {
                Standing::Current if !is_heard => Probe::NotYet("not on record yet".to_owned()),
                Standing::Current | Standing::Over { .. } | Standing::Abandoned { .. } => Probe::Ready(now),
            })
        };
        let deadline = limits.work.min(Deadline::after(HEARD_WITHIN));
        let ending = match until(deadline, &Pace::default(), |_| (), look).await {
            Ok(Standing::Abandoned { status }) => self.undo(kind, event, id, &context, status).await,
            Ok(Standing::Current | Standing::Over { .. }) => return Ok(()),
            Err(error) => {
                tracing::warn!("cannot tell whether the stack has `{id}` now: {error}");
                return Ok(());
            }
        };
        match ending {
            Ending::NotUndone(reason) | Ending::OutOfTime(reason) => Err(ServeError::NotUndone(reason)),
            Ending::NobodyWaits(_) | Ending::Answer(_) | Ending::Elsewhere => Ok(()),
        }
    }
}
