//! Going on in another invocation, and which one of several goes on.

use std::time::Duration;

use wait::{Deadline, Pace, Probe, Retry, Retryable, until};

use super::baton::{Baton, Claimant, Delivery, Runner};
use super::{Served, Service, sent};
use crate::event::Event;
use crate::limits::Limits;
use crate::{Envelope, Gate, Host, Invocation, Responder};

/// How long a look at the baton may take, or a change of it.
const BATON: Duration = Duration::from_secs(5);

/// Why the work does not go on in another invocation.
pub(super) enum Refusal {
    /// There is no time left, or no invocation; what there is to say of it.
    Spent(Option<String>),
    /// The function may not invoke itself.
    Denied(String),
    /// Nobody can tell whether another invocation was started.
    Unheard(String),
}

impl<R: Responder, H: Host, G: Gate> Service<R, H, G> {
    /// Who goes on. Lambda delivers at least once and tries again what it ended, so one request may have started several
    /// invocations; only the one with the baton continues, and so there are never more.
    ///
    /// While a twin has the same baton, this waits: the twin passes it on, puts it down, or is dead when its time is over.
    /// Two that look at the same moment may both go on, which is a duplicate like two deliveries of the request.
    pub(super) async fn runner(&self, event: &Event, limits: &Limits) -> Runner {
        if claimant(event, limits).given.is_none() {
            return Runner::This;
        }
        let runner = match self.look(event, limits).await {
            Runner::Twin => self.outlive_twin(event, limits).await,
            runner @ (Runner::This | Runner::Another { .. } | Runner::Nobody) => runner,
        };
        if runner == Runner::This {
            self.take_baton(event, limits).await;
        }
        runner
    }

    /// Puts down the baton that this invocation was given.
    pub(super) async fn drop_baton(&self, event: &Event) {
        if let Some(continuation) = &event.continuation {
            self.put_down(event, &continuation.baton, Deadline::after(BATON)).await;
        }
    }

    /// Leaves the baton to whoever Lambda tries the same event in next, which would take this invocation for alive.
    pub(super) async fn release_baton(&self, event: &Event, limits: &Limits) {
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let claimant = claimant(event, limits);
        let Some(given) = claimant.given else { return };
        let release = async {
            if self.on_record(event).await? == Some(claimant.takes(given)) {
                let free = claimant.passes(given).written();
                self.host.pass_baton(stack_id, logical_id, Some(&free)).await?;
            }
            Ok::<_, H::Error>(())
        };
        match Deadline::after(BATON).limit(release).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!("the next try of this event waits: {error}"),
            None => tracing::warn!("the next try of this event waits: the call did not come back"),
        }
    }

    /// Goes on in another invocation, unless one goes on already, or says why not.
    ///
    /// When nobody can tell whether the other invocation was started, the baton is dropped, because the answer is given
    /// here: should the other one run after all, it stops at its start.
    pub(super) async fn hand_over(
        &self,
        event: &Event,
        invocation: &Invocation,
        limits: &Limits,
    ) -> Result<Served, Refusal> {
        let next = limits.next().map_err(Refusal::Spent)?;
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let started = async {
            let runner = self.look(event, limits).await;
            if runner == Runner::This {
                let baton = claimant(event, limits).passes(&next.baton).written();
                self.host.pass_baton(stack_id, logical_id, Some(&baton)).await?;
                self.host.continue_in(&invocation.function_arn, &event.continued(&next)).await?;
                tracing::info!(invocations = next.count, "time is up: going on in another invocation");
            }
            Ok::<_, H::Error>(runner)
        };
        // Leave half of what is left for the answer that a refusal needs.
        let refusal = match Deadline::after(limits.answer.remaining() / 2).limit(started).await {
            Some(Ok(Runner::This | Runner::Twin)) => return Ok(Served::GoesOn),
            Some(Ok(Runner::Another { shares_passage })) => return Ok(Served::elsewhere(shares_passage)),
            Some(Ok(Runner::Nobody)) => return Ok(Served::Ended),
            Some(Err(error)) if error.retry() == Retry::Never => Refusal::Denied(wait::chain(&error)),
            Some(Err(error)) => Refusal::Unheard(wait::chain(&error)),
            None => Refusal::Unheard("the call did not come back".to_owned()),
        };
        self.put_down(event, &next.baton, Deadline::after(limits.answer.remaining() / 3)).await;
        Err(refusal)
    }

    /// Who goes on, as far as can be seen now: when that cannot be seen, this one does.
    async fn look(&self, event: &Event, limits: &Limits) -> Runner {
        match Deadline::after(BATON).limit(self.on_record(event)).await {
            Some(Ok(baton)) => claimant(event, limits).runner(baton.as_ref()),
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

    /// Waits until the twin has passed the baton on, put it down, or must be dead. What cannot be seen is no sign of death:
    /// a twin that has ended may have closed the gate.
    async fn outlive_twin(&self, event: &Event, limits: &Limits) -> Runner {
        tracing::info!("another invocation has the baton of this one: waiting for what it does");
        let look = async || {
            let baton = self.on_record(event).await?;
            Ok::<_, H::Error>(match claimant(event, limits).runner(baton.as_ref()) {
                Runner::Twin => Probe::NotYet("it has the baton".to_owned()),
                runner @ (Runner::This | Runner::Another { .. } | Runner::Nobody) => Probe::Ready(runner),
            })
        };
        match limits.work.limit(until(limits.work, &Pace::default(), |_| (), look)).await {
            Some(Ok(runner)) => runner,
            Some(Err(error)) => {
                tracing::warn!("cannot tell what became of the other invocation: {error}");
                Runner::Twin
            }
            None => Runner::Twin,
        }
    }

    /// Says on record that this invocation runs with the baton it was given.
    async fn take_baton(&self, event: &Event, limits: &Limits) {
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let claimant = claimant(event, limits);
        let Some(given) = claimant.given else { return };
        let baton = claimant.takes(given).written();
        match Deadline::after(BATON).limit(self.host.pass_baton(stack_id, logical_id, Some(&baton))).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!("another delivery of this event may run beside it: {error}"),
            None => tracing::warn!("another delivery of this event may run beside it: no answer"),
        }
    }

    /// Takes this baton off the record. Another one there belongs to another request for the same resource.
    async fn put_down(&self, event: &Event, ours: &str, deadline: Deadline) {
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        let put_down = async {
            if self.on_record(event).await?.is_some_and(|baton| baton.name == ours) {
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

    async fn on_record(&self, event: &Event) -> Result<Option<Baton>, H::Error> {
        let Envelope { stack_id, logical_id, .. } = &event.envelope;
        Ok(self.host.baton(stack_id, logical_id).await?.as_deref().map(Baton::read))
    }
}

impl Refusal {
    /// The Reason of an answer: what is not done, and why it does not go on. Behind a gate that is shut no call arrives,
    /// so there a call without an answer has the gate's reason and no other.
    pub(super) fn reason(self, unfinished: &str, is_shut: bool, function_arn: &str) -> String {
        let itself = "The work needs longer than one invocation, and the function cannot invoke itself";
        match self {
            Self::Spent(None) => unfinished.to_owned(),
            Self::Spent(Some(why)) => format!("{unfinished} {why}"),
            Self::Denied(why) => format!(
                "{unfinished} {itself}: {why}. Allow lambda:InvokeFunction on {function_arn} in the function's role."
            ),
            Self::Unheard(_) if is_shut => format!(
                "{unfinished} One invocation is too short for that, and without a way out no other can be started: \
                 raise FunctionTimeoutSeconds."
            ),
            Self::Unheard(why) => format!("{unfinished} {itself}: {why}."),
        }
    }
}

fn claimant<'a>(event: &'a Event, limits: &'a Limits) -> Claimant<'a> {
    let delivery = Delivery { request_id: event.envelope.request_id.clone(), sent: sent(event, limits) };
    let given = event.continuation.as_ref().map(|record| record.baton.as_str());
    let (now, ends_at) = (limits.now(), limits.ends_at);
    Claimant { delivery, given: given.filter(|baton| !baton.is_empty()), name: limits.name(), now, ends_at }
}
