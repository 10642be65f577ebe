//! One invocation: parse, dispatch, race the deadline, answer always.

mod continuing;
mod gated;
mod record;
mod unheard;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use tracing::Instrument;
use wait::Deadline;

use crate::answer::body;
use crate::event::{Event, Request, Unreadable};
use crate::gate::close;
use crate::limits::Limits;
use crate::properties::{did_you_mean, quoted};
use crate::resource::{Change, Context, Kind};
use crate::standing::Standing;
use crate::{
    Applied, DeliveryError, Envelope, Failure, Gate, Home, Host, Invocation, NoGate, Outcome, Passage,
    PhysicalId, Responder, Sent,
};

/// Why an invocation failed. Lambda then tries the same event again.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is nobody to answer.
    #[error(
        "{0}; nobody can be answered without a ResponseURL and the ids of the request, the stack and the resource"
    )]
    NotARequest(String),
    /// What the request made for a stack that is gone may still be there.
    #[error("the stack gave the resource up, and what the request made could not be taken back: {0}")]
    NotUndone(String),
    /// The function panicked after the work, which is a defect of it.
    #[error("{0}")]
    Panicked(String),
    /// There is an answer, and it did not arrive.
    #[error("the answer to CloudFormation was not delivered")]
    NotDelivered(#[source] DeliveryError),
}

/// The kinds a function serves, and what it needs to serve them.
pub struct Service<R, H, G = NoGate> {
    kinds: Vec<Kind>,
    responder: R,
    host: H,
    gate: G,
}

/// What became of an event.
enum Served {
    /// It is over.
    Ended,
    /// It goes on in another invocation.
    GoesOn,
}

/// How the work ended.
enum Ending {
    /// With an answer.
    Answer(Outcome),
    /// Not yet: it goes on in another invocation, or becomes this Reason when there is no time left.
    OutOfTime(String),
    /// CloudFormation waits for nothing.
    NobodyWaits(String),
    /// CloudFormation waits for nothing, and something may be left.
    NotUndone(String),
    /// Not here: another invocation goes on with the request.
    Elsewhere,
}

impl<R: Responder, H: Host> Service<R, H> {
    /// A service of these kinds.
    pub fn new(kinds: Vec<Kind>, responder: R, host: H) -> Self {
        Self { kinds, responder, host, gate: NoGate }
    }
}

impl<R: Responder, H: Host, G: Gate> Service<R, H, G> {
    /// The same service, whose calls go through a gate.
    pub fn behind<B: Gate>(self, gate: B) -> Service<R, H, B> {
        Service { kinds: self.kinds, responder: self.responder, host: self.host, gate }
    }

    /// The responder, for tests that look at what was answered.
    pub fn responder(&self) -> &R {
        &self.responder
    }

    /// The host, for tests that look at what was asked of it.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// Serves one event.
    ///
    /// # Guarantees
    /// - Whatever happens, one answer is delivered, or another invocation goes on, or an error makes Lambda try again.
    /// - Nothing is answered when CloudFormation's own record says that nobody waits any more. What could not be taken
    ///   back then is an error, so that Lambda tries again.
    pub async fn serve(&self, event: Value, invocation: &Invocation) -> Result<(), ServeError> {
        match Event::parse(event) {
            Ok(event) => {
                let span = tracing::info_span!(
                    "request",
                    stack_id = event.envelope.stack_id,
                    logical_id = event.envelope.logical_id,
                    request_id = event.envelope.request_id,
                    kind = event.envelope.resource_type,
                    request_type = event.request.name(),
                );
                self.serve_event(&event, invocation).instrument(span).await
            }
            Err(error) => self.refuse(&error, invocation).await,
        }
    }

    /// Answers an event that has nothing but an address.
    async fn refuse(&self, error: &Unreadable, invocation: &Invocation) -> Result<(), ServeError> {
        let Some((envelope, id)) = error.addressee.as_deref() else {
            return Err(ServeError::NotARequest(error.to_string()));
        };
        let limits = Limits::new(invocation, None, &Value::Null, Duration::ZERO);
        let outcome = Outcome::Failed(format!("{error}."));
        self.deliver(envelope, id, &outcome, limits.answer).await.map_err(ServeError::NotDelivered)
    }

    async fn serve_event(&self, event: &Event, invocation: &Invocation) -> Result<(), ServeError> {
        let afterwards = self.gate.closing();
        let limits =
            Limits::new(invocation, event.continuation.as_ref(), event.request.properties(), afterwards);
        tracing::info!(continued = event.continuation.is_some(), "{} received", event.request.name());
        let (kind, id, home) = match self.kind_of(event, invocation) {
            Ok(known) => known,
            Err((id, outcome)) => return self.answer(event, &id, &outcome, limits.answer).await.map(|_| ()),
        };
        let context = context(event, &id, home, &limits);
        let passage = Passage::of(event, &context, &limits);
        // Both are large, and a thread's stack is not: so they are boxed. Kinds end by themselves at `limits.work`; this cuts
        // off one that does not.
        let work = Box::pin(self.work_behind_gate(kind, event, &id, &context, &passage));
        let ending = match AssertUnwindSafe(limits.cut_off.limit(work)).catch_unwind().await {
            Ok(Some(ending)) => ending,
            Ok(None) => {
                Ending::OutOfTime("The work did not end in time: a call did not come back.".to_owned())
            }
            Err(panic) => Ending::Answer(Outcome::Failed(panic_reason(panic.as_ref()))),
        };
        let conclusion = Box::pin(self.conclude(event, invocation, &id, ending, &limits));
        let served = match AssertUnwindSafe(conclusion).catch_unwind().await {
            Ok(served) => served,
            Err(panic) => Err(ServeError::Panicked(panic_reason(panic.as_ref()))),
        };
        if !matches!(served, Ok(Served::GoesOn)) {
            close(&self.gate, &passage).await;
        }
        served.map(|_| ())
    }

    /// Answers, or goes on in another invocation, or neither when nobody waits.
    async fn conclude(
        &self,
        event: &Event,
        invocation: &Invocation,
        id: &PhysicalId,
        ending: Ending,
        limits: &Limits,
    ) -> Result<Served, ServeError> {
        let outcome = match ending {
            Ending::Answer(outcome) => outcome,
            Ending::NobodyWaits(status) => {
                tracing::info!(status, "CloudFormation no longer waits for this request: nothing to answer");
                self.drop_baton(event).await;
                return Ok(Served::Ended);
            }
            Ending::NotUndone(reason) => return Err(ServeError::NotUndone(reason)),
            Ending::Elsewhere => return Ok(Served::GoesOn),
            Ending::OutOfTime(reason) => match self.hand_over(event, invocation, limits, reason).await {
                None => return Ok(Served::GoesOn),
                Some(outcome) => outcome,
            },
        };
        let served = self.answer(event, id, &outcome, limits.answer).await;
        match outcome {
            Outcome::Success(_) => {
                let unheard = self.take_back_unheard(event, invocation, id, limits);
                // A kind that does not end by itself must not keep the gate from being closed.
                let taken_back = limits.answer.limit(unheard).await.unwrap_or_else(|| {
                    Err(ServeError::NotUndone("it did not end in time: a call did not come back".to_owned()))
                });
                taken_back.and(served)
            }
            Outcome::Failed(_) => served,
        }
    }

    async fn answer(
        &self,
        event: &Event,
        id: &PhysicalId,
        outcome: &Outcome,
        deadline: Deadline,
    ) -> Result<Served, ServeError> {
        let delivered = match self.deliver(&event.envelope, id, outcome, deadline).await {
            // A duplicate may have been quicker: then the request is over, and the URL with it.
            Err(DeliveryError::Refused(status)) if self.is_answered(event, id, deadline).await => {
                tracing::info!(status, "the request was answered before");
                Ok(())
            }
            delivered => delivered.map_err(ServeError::NotDelivered),
        };
        if delivered.is_ok() {
            self.drop_baton(event).await;
        }
        delivered.map(|()| Served::Ended)
    }

    /// The kind, the identity and the home of a request, or the answer that needs none of them.
    fn kind_of(
        &self,
        event: &Event,
        invocation: &Invocation,
    ) -> Result<(&Kind, PhysicalId, Home), (PhysicalId, Outcome)> {
        let Envelope { logical_id, request_id, resource_type, .. } = &event.envelope;
        let known_id = event.request.physical_id().cloned();
        let refusal = |reason: String| {
            let id = known_id.clone().unwrap_or_else(|| PhysicalId::unidentified(logical_id, request_id));
            (id, Outcome::Failed(reason))
        };
        if let Request::Delete { physical_id, .. } = &event.request
            && physical_id.is_unidentified()
        {
            tracing::info!("the request of this PhysicalResourceId was refused: nothing was made");
            return Err((physical_id.clone(), Outcome::Success(Applied::new())));
        }
        let Some(home) = Home::of_function(&invocation.function_arn) else {
            return Err(refusal(format!("The function's ARN `{}` cannot be read.", invocation.function_arn)));
        };
        let Some(kind) = self.kinds.iter().find(|kind| kind.serves(resource_type)) else {
            let served: Vec<_> = self.kinds.iter().map(Kind::type_name).collect();
            let meant = did_you_mean(resource_type, served.iter().copied());
            let served = served.join(", ");
            let asked = quoted(resource_type);
            let next = if meant.is_empty() {
                " Give ServiceToken the ARN of the function that does."
            } else {
                meant.as_str()
            };
            return Err(refusal(format!("This function does not serve {asked}: it serves {served}.{next}")));
        };
        let properties = match &event.request {
            // The answer to a Delete repeats the id it came with.
            Request::Delete { physical_id, .. } => return Ok((kind, physical_id.clone(), home)),
            Request::Create { properties } | Request::Update { properties, .. } => properties,
        };
        // A kind's own code, so it may panic.
        match std::panic::catch_unwind(AssertUnwindSafe(|| kind.identify(properties, &home))) {
            Ok(Ok(id)) if id.is_acceptable() => Ok((kind, id, home)),
            Ok(Ok(id)) => Err(refusal(format!(
                "The properties give a PhysicalResourceId of {} bytes: CloudFormation keeps 1 to {} bytes without \
                 control characters.",
                id.as_str().len(),
                PhysicalId::LONGEST
            ))),
            Ok(Err(findings)) => Err(refusal(findings.to_string())),
            Err(panic) => Err(refusal(panic_reason(panic.as_ref()))),
        }
    }

    /// The work itself, between two looks at whether anybody waits for it.
    async fn work(&self, kind: &Kind, event: &Event, id: &PhysicalId, context: &Context) -> Ending {
        let before = match self.standing(event, id, context.deadline).await {
            Ok(standing) => standing,
            // A deletion is never blocked by what it does not need.
            Err(error) if matches!(event.request, Request::Delete { .. }) => {
                tracing::warn!("cannot ask CloudFormation about the resource: {error}");
                Standing::Current
            }
            Err(error) => return Ending::Answer(Outcome::Failed(denied(error).reason())),
        };
        match (&event.request, before) {
            (_, Standing::Over { status }) => Ending::NobodyWaits(status),
            (_, Standing::Abandoned { status }) => self.undo(kind, event, id, context, status).await,
            (Request::Delete { properties, .. }, Standing::Current) => {
                if !kind.recognises(id) {
                    tracing::info!(
                        "the PhysicalResourceId is CloudFormation's own: the properties say what to delete"
                    );
                }
                ending(kind.cleanup(id, properties, context).await.map(|()| Outcome::Success(Applied::new())))
            }
            (Request::Create { properties } | Request::Update { properties, .. }, Standing::Current) => {
                let applied = kind.apply(properties, context).await;
                // While it worked, a sibling may have failed and the stack be on its way out.
                match self.standing(event, id, context.deadline).await {
                    Ok(Standing::Abandoned { status }) => self.undo(kind, event, id, context, status).await,
                    Ok(Standing::Over { status }) => Ending::NobodyWaits(status),
                    Ok(Standing::Current) | Err(_) => ending(applied.map(Outcome::Success)),
                }
            }
        }
    }

    /// Takes back what a request made for a stack that is gone.
    async fn undo(
        &self,
        kind: &Kind,
        event: &Event,
        id: &PhysicalId,
        context: &Context,
        status: String,
    ) -> Ending {
        tracing::info!(status, "the stack gave this resource up: undoing");
        match kind.cleanup(id, event.request.properties(), context).await {
            Ok(()) | Err(Failure::Overtaken) => Ending::NobodyWaits(status),
            Err(failure @ Failure::OutOfTime { .. }) => Ending::OutOfTime(failure.reason()),
            // A Delete may be at work on the same thing, so a second try is worth it; and a leak must not be silent.
            Err(failure @ Failure::Failed { .. }) => Ending::NotUndone(failure.reason()),
        }
    }

    async fn deliver(
        &self,
        envelope: &Envelope,
        id: &PhysicalId,
        outcome: &Outcome,
        deadline: Deadline,
    ) -> Result<(), DeliveryError> {
        match outcome {
            Outcome::Success(_) => tracing::info!(physical_id = %id, "answering SUCCESS"),
            Outcome::Failed(reason) => tracing::warn!(physical_id = %id, reason, "answering FAILED"),
        }
        self.responder.deliver(&envelope.response_url, &body(envelope, id, outcome), deadline).await
    }
}

fn context(event: &Event, id: &PhysicalId, home: Home, limits: &Limits) -> Context {
    let Envelope { stack_id, logical_id, request_id, response_url, .. } = event.envelope.clone();
    let sent = Sent::of(&response_url, limits.delivered_at());
    let change = match &event.request {
        Request::Create { .. } => Change::Create,
        Request::Update { physical_id, .. } if physical_id != id => Change::Replacement,
        Request::Update { .. } => Change::InPlace,
        Request::Delete { .. } => Change::Delete,
    };
    Context { stack_id, logical_id, request_id, sent, home, deadline: limits.work, change }
}

fn ending(result: Result<Outcome, Failure>) -> Ending {
    match result {
        Ok(outcome) => Ending::Answer(outcome),
        Err(failure @ Failure::OutOfTime { .. }) => Ending::OutOfTime(failure.reason()),
        Err(failure @ Failure::Failed { .. }) => Ending::Answer(Outcome::Failed(failure.reason())),
        Err(Failure::Overtaken) => Ending::NobodyWaits("overtaken by a later request".to_owned()),
    }
}

fn denied(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(error).hint(
        "The function asks CloudFormation whether a request is still current: allow cloudformation:DescribeStackResource \
         on the stack in the function's role.",
    )
}

fn panic_reason(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    format!(
        "The function panicked, which is a defect of it: {message}. Its log has the place; please report it."
    )
}
