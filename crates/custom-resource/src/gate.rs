//! What stands between the function and the services it calls, and is open only while a request is served.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use wait::Deadline;

use crate::event::Event;
use crate::limits::Limits;
use crate::resource::Context;
use crate::{Failure, Home};

/// A way out that has to be opened, and closed again.
///
/// # Guarantees
/// What the protocol promises to a gate:
/// - `open` is called before the first call of a request, the look at its stack included.
/// - `close` is called after the answer, on every end: success, failure, panic, time-out, an answer that did not arrive,
///   an `open` that failed. Only a delivery that goes on in another invocation is not closed: that one opens again.
/// - The answer never waits for the gate to close, and is delivered without it.
///
/// # Assumptions
/// What a gate promises to the protocol:
/// - `open` ends by [`Passage::deadline`] and `close` within [`Gate::closing`]; what does not is dropped.
/// - Both may be dropped at any `.await`, `close` may never be called (the invocation died), and opening again converges.
/// - An `open` that fails with [`Failure::OutOfTime`] is tried again in another invocation.
pub trait Gate: Send + Sync {
    /// How long closing may take. Every invocation keeps this much at its end, or a tenth of its time if that is less.
    fn closing(&self) -> Duration;

    /// Opens it for a request.
    fn open(&self, passage: &Passage<'_>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Closes it for a request; what cannot be done is logged.
    fn close(&self, passage: &Passage<'_>) -> impl Future<Output = ()> + Send;
}

/// Nothing stands in between.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGate;

impl Gate for NoGate {
    fn closing(&self) -> Duration {
        Duration::ZERO
    }

    async fn open(&self, _passage: &Passage<'_>) -> Result<(), Failure> {
        Ok(())
    }

    async fn close(&self, _passage: &Passage<'_>) {}
}

/// A gate, where there is one.
impl<G: Gate> Gate for Option<G> {
    fn closing(&self) -> Duration {
        self.as_ref().map_or(Duration::ZERO, Gate::closing)
    }

    async fn open(&self, passage: &Passage<'_>) -> Result<(), Failure> {
        match self {
            Some(gate) => gate.open(passage).await,
            None => Ok(()),
        }
    }

    async fn close(&self, passage: &Passage<'_>) {
        if let Some(gate) = self {
            gate.close(passage).await;
        }
    }
}

/// One request on its way through the gate, in one invocation.
#[derive(Clone, Debug)]
pub struct Passage<'a> {
    /// CloudFormation's id of the request.
    pub request_id: &'a str,
    /// When the first invocation of this delivery began, since 1970. With the request id it names the delivery: another
    /// delivery of the same request has another one, a continuation has the same.
    pub delivered_at: Duration,
    /// The properties, as they came.
    pub properties: &'a Value,
    /// The function's own account and Region.
    pub home: &'a Home,
    /// When opening must have ended.
    pub deadline: Deadline,
    /// When the invocation ends.
    pub end: Deadline,
    /// The same on the wall clock, since 1970.
    pub ends_at: Duration,
}

impl<'a> Passage<'a> {
    pub(crate) fn of(event: &'a Event, context: &'a Context, limits: &Limits) -> Self {
        Self {
            request_id: &event.envelope.request_id,
            delivered_at: limits.delivered_at(),
            properties: event.request.properties(),
            home: &context.home,
            deadline: context.deadline,
            end: limits.end,
            ends_at: limits.ends_at,
        }
    }

    /// The wall clock, since 1970.
    pub fn now(&self) -> Duration {
        self.ends_at.saturating_sub(self.end.remaining())
    }
}

/// Closes it, whatever happens: the answer is out, so nothing here may become one.
pub(crate) async fn close(gate: &impl Gate, passage: &Passage<'_>) {
    let closed = AssertUnwindSafe(passage.end.limit(gate.close(passage))).catch_unwind().await;
    match closed {
        Ok(Some(())) => {}
        Ok(None) => tracing::warn!("the gate did not close before the end of the invocation"),
        Err(_) => tracing::error!("closing the gate panicked, which is a defect of the function"),
    }
}
