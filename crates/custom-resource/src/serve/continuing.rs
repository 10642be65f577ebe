//! Going on in another invocation, and which one of several goes on.

use std::time::Duration;

use wait::{Deadline, Retry, Retryable};

use super::Service;
use crate::event::Event;
use crate::limits::Limits;
use crate::{Envelope, Gate, Host, Invocation, Outcome, Responder};

/// How long a look at the baton may take, or putting it down.
const BATON: Duration = Duration::from_secs(5);

/// Who goes on with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// This invocation.
    This,
    /// Another one.
    Another,
    /// None: it has ended.
    Nobody,
}

impl<R: Responder, H: Host, G: Gate> Service<R, H, G> {
    /// Who goes on. Lambda delivers at least once and tries again what it ended, so one request may have started several
    /// invocations; only the one with the baton continues, and so there are never more.
    pub(super) async fn runner(&self, event: &Event) -> Runner {
        let Some(continuation) = event.continuation.as_ref().filter(|record| !record.baton.is_empty()) else {
            return Runner::This;
        };
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let baton = self.host.baton(stack_id, logical_id);
        match Deadline::after(BATON).limit(baton).await {
            Some(Ok(Some(baton))) if baton == continuation.baton => Runner::This,
            Some(Ok(Some(_))) => Runner::Another,
            Some(Ok(None)) => Runner::Nobody,
            Some(Err(error)) => {
                tracing::warn!("cannot ask which invocation goes on: {error}");
                Runner::This
            }
            None => {
                tracing::warn!("cannot ask which invocation goes on: the call did not come back");
                Runner::This
            }
        }
    }

    /// Puts down the baton that this invocation was given.
    pub(super) async fn drop_baton(&self, event: &Event) {
        if let Some(continuation) = &event.continuation {
            self.put_down(event, &continuation.baton, Deadline::after(BATON)).await;
        }
    }

    /// Takes this baton off the record. Another one there belongs to another request for the same resource.
    async fn put_down(&self, event: &Event, ours: &str, deadline: Deadline) {
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let put_down = async {
            if self.host.baton(stack_id, logical_id).await?.as_deref() == Some(ours) {
                self.host.pass_baton(stack_id, logical_id, None).await?;
            }
            Ok::<_, H::Error>(())
        };
        match deadline.limit(put_down).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!("the baton of this request stays on record: {error}"),
            None => tracing::warn!("the baton of this request stays on record: the call did not come back"),
        }
    }

    /// Goes on in another invocation, or gives the answer that says why not.
    ///
    /// When nobody can tell whether the other invocation was started, the answer is given here and the baton dropped:
    /// should the other one run after all, it stops at its start.
    pub(super) async fn hand_over(
        &self,
        event: &Event,
        invocation: &Invocation,
        limits: &Limits,
        reason: String,
    ) -> Option<Outcome> {
        let next = match limits.next() {
            Ok(next) => next,
            Err(None) => return Some(Outcome::Failed(reason)),
            Err(Some(why)) => return Some(Outcome::Failed(format!("{reason} {why}"))),
        };
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let started = async {
            if self.runner(event).await != Runner::This {
                return Ok(());
            }
            self.host.pass_baton(stack_id, logical_id, Some(&next.baton)).await?;
            self.host.continue_in(&invocation.function_arn, &event.continued(&next)).await?;
            tracing::info!(invocations = next.count, "time is up: going on in another invocation");
            Ok::<_, H::Error>(())
        };
        // Leave half of what is left for the answer that a refusal needs.
        let (refusal, advice) = match Deadline::after(limits.answer.remaining() / 2).limit(started).await {
            Some(Ok(())) => return None,
            Some(Err(error)) if error.retry() == Retry::Never => {
                let advice = format!(
                    " Allow lambda:InvokeFunction on {} in the function's role.",
                    invocation.function_arn
                );
                (wait::chain(&error), advice)
            }
            Some(Err(error)) => (wait::chain(&error), String::new()),
            None => ("the call did not come back".to_owned(), String::new()),
        };
        self.put_down(event, &next.baton, Deadline::after(limits.answer.remaining() / 3)).await;
        Some(Outcome::Failed(format!(
            "{reason} The work needs longer than one invocation, and the function cannot invoke itself: {refusal}.{advice}"
        )))
    }
}
