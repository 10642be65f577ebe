//! For the tests of kinds: events, a responder that records, a host that plays CloudFormation and Lambda.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use wait::{Deadline, Retry, Retryable};

use crate::{DeliveryError, Failure, Gate, Host, Invocation, Passage, Responder, ResponseUrl, StackResource};

/// The function of the tests.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:us-west-2:222222222222:function:tandem";

/// The stack of the tests.
pub const STACK_ID: &str = "arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e";

/// An invocation with this much time.
pub fn invocation(seconds: u64) -> Invocation {
    Invocation {
        function_arn: FUNCTION_ARN.to_owned(),
        deadline: Deadline::after(Duration::from_secs(seconds)),
        now: Duration::from_secs(1_790_000_000),
    }
}

/// A Create event.
pub fn create(resource_type: &str, properties: &Value) -> Value {
    event("Create", resource_type, properties)
}

/// An Update event.
pub fn update(resource_type: &str, physical_id: &str, properties: &Value, old: &Value) -> Value {
    let event = event("Update", resource_type, properties);
    with(with(event, "PhysicalResourceId", json!(physical_id)), "OldResourceProperties", with_token(old))
}

/// A Delete event.
pub fn delete(resource_type: &str, physical_id: &str, properties: &Value) -> Value {
    with(event("Delete", resource_type, properties), "PhysicalResourceId", json!(physical_id))
}

fn event(request_type: &str, resource_type: &str, properties: &Value) -> Value {
    json!({
        "RequestType": request_type,
        "RequestId": format!("{request_type}-request"),
        "ResponseURL": "https://response.example/stack?X-Amz-Signature=secret",
        "StackId": STACK_ID,
        "LogicalResourceId": "Connection",
        "ResourceType": resource_type,
        "ServiceToken": FUNCTION_ARN,
        "ResourceProperties": with_token(properties),
    })
}

fn with_token(properties: &Value) -> Value {
    with(properties.clone(), "ServiceToken", json!(FUNCTION_ARN))
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), member);
    }
    value
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A responder that keeps what it was given.
#[derive(Debug, Default)]
pub struct Recorder {
    answers: Mutex<Vec<Value>>,
    refusals: Mutex<VecDeque<DeliveryError>>,
    is_down: AtomicBool,
}

impl Recorder {
    /// The next delivery fails with this.
    pub fn refuse_next(&self, error: DeliveryError) {
        lock(&self.refusals).push_back(error);
    }

    /// The bucket is down from now on, and every delivery is tried until its deadline; or it is up again.
    pub fn be_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    /// All answers so far.
    pub fn answers(&self) -> Vec<Value> {
        lock(&self.answers).clone()
    }

    /// Takes the answers out; the next look starts empty.
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *lock(&self.answers))
    }
}

impl Responder for Recorder {
    async fn deliver(&self, _url: &ResponseUrl, body: &str, deadline: Deadline) -> Result<(), DeliveryError> {
        if self.is_down.load(Ordering::Relaxed) {
            deadline.limit(pending::<()>()).await;
            return Err(DeliveryError::OutOfTime("HTTP 503".to_owned()));
        }
        if let Some(refusal) = lock(&self.refusals).pop_front() {
            return Err(refusal);
        }
        lock(&self.answers).push(serde_json::from_str(body).unwrap_or(Value::Null));
        Ok(())
    }
}

/// A host that keeps the continuations and says of the stack what it is told to. A clone is the same stage.
#[derive(Clone, Debug, Default)]
pub struct Stage(Arc<Mutex<Play>>);

#[derive(Debug, Default)]
struct Play {
    continuations: Vec<Value>,
    record: Option<StackResource>,
    looks_refused: Option<Refusal>,
    continuations_refused: Option<Refusal>,
    baton: Option<String>,
}

/// A refused call of the [`Stage`].
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub &'static str, pub Retry);

impl Retryable for Refusal {
    fn retry(&self) -> Retry {
        self.1
    }
}

impl Stage {
    /// CloudFormation's record of the resource from now on.
    pub fn set_record(&self, status: &str, physical_id: Option<&str>) {
        lock(&self.0).record =
            Some(StackResource { status: status.to_owned(), physical_id: physical_id.map(str::to_owned) });
    }

    /// Every look at the record is refused from now on, or answered again.
    pub fn refuse_looks(&self, refusal: Option<Refusal>) {
        lock(&self.0).looks_refused = refusal;
    }

    /// Every continuation is refused from now on, or accepted again.
    pub fn refuse_continuations(&self, refusal: Option<Refusal>) {
        lock(&self.0).continuations_refused = refusal;
    }

    /// Puts a baton on record, or none.
    pub fn set_baton(&self, baton: Option<String>) {
        lock(&self.0).baton = baton;
    }

    /// The baton on record.
    pub fn baton(&self) -> Option<String> {
        lock(&self.0).baton.clone()
    }

    /// Takes out the events that were to go on in another invocation.
    pub fn take_continuations(&self) -> Vec<Value> {
        std::mem::take(&mut lock(&self.0).continuations)
    }
}

impl Host for Stage {
    type Error = Refusal;

    async fn continue_in(&self, _function_arn: &str, payload: &str) -> Result<(), Refusal> {
        let mut play = lock(&self.0);
        if let Some(refusal) = play.continuations_refused.clone() {
            return Err(refusal);
        }
        play.continuations.push(serde_json::from_str(payload).unwrap_or(Value::Null));
        Ok(())
    }

    async fn pass_baton(&self, _stack: &str, _logical: &str, baton: Option<&str>) -> Result<(), Refusal> {
        lock(&self.0).baton = baton.map(str::to_owned);
        Ok(())
    }

    async fn baton(&self, _stack: &str, _logical: &str) -> Result<Option<String>, Refusal> {
        Ok(lock(&self.0).baton.clone())
    }

    async fn stack_resource(
        &self,
        _stack_id: &str,
        _logical_id: &str,
    ) -> Result<Option<StackResource>, Refusal> {
        let play = lock(&self.0);
        play.looks_refused.clone().map_or_else(|| Ok(play.record.clone()), Err)
    }
}

/// A gate that knows who is inside. It opens and closes at once, unless it was told otherwise. A clone is the same gate.
#[derive(Clone, Debug, Default)]
pub struct Turnstile(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    requests: Vec<String>,
    passages: u32,
    closing: Duration,
    next: VecDeque<Jam>,
}

/// How a [`Turnstile`] does not open, or does not close.
#[derive(Debug)]
pub enum Jam {
    /// Opening fails.
    Refuses(Failure),
    /// Opening never ends.
    Hangs,
    /// Opening panics.
    Panics,
    /// It opens; closing panics.
    PanicsWhenClosed,
    /// It opens; closing never ends.
    HangsWhenClosed,
}

impl Turnstile {
    /// The next time it does this.
    pub fn jam_next(&self, jam: Jam) {
        lock(&self.0).next.push_back(jam);
    }

    /// Closing takes this long from now on.
    pub fn close_within(&self, closing: Duration) {
        lock(&self.0).closing = closing;
    }

    /// The requests that are inside.
    pub fn inside(&self) -> Vec<String> {
        lock(&self.0).requests.clone()
    }

    /// How often it was to be opened.
    pub fn passages(&self) -> u32 {
        lock(&self.0).passages
    }
}

impl Gate for Turnstile {
    fn closing(&self) -> Duration {
        lock(&self.0).closing
    }

    #[expect(clippy::panic, reason = "it is told to")]
    async fn open(&self, passage: &Passage<'_>) -> Result<(), Failure> {
        let jam = {
            let mut inside = lock(&self.0);
            inside.passages += 1;
            let name = passage.request_id.to_owned();
            if !inside.requests.contains(&name) {
                inside.requests.push(name);
            }
            match inside.next.front() {
                Some(Jam::PanicsWhenClosed | Jam::HangsWhenClosed) | None => None,
                Some(Jam::Refuses(_) | Jam::Hangs | Jam::Panics) => inside.next.pop_front(),
            }
        };
        match jam {
            Some(Jam::Refuses(failure)) => Err(failure),
            Some(Jam::Hangs) => pending().await,
            Some(Jam::Panics) => panic!("the turnstile is jammed"),
            Some(Jam::PanicsWhenClosed | Jam::HangsWhenClosed) | None => Ok(()),
        }
    }

    #[expect(clippy::panic, reason = "it is told to")]
    async fn close(&self, passage: &Passage<'_>) {
        Deadline::after(self.closing()).limit(pending::<()>()).await;
        let jam = {
            let mut inside = lock(&self.0);
            inside.requests.retain(|name| name != passage.request_id);
            inside.next.pop_front()
        };
        match jam {
            Some(Jam::PanicsWhenClosed) => panic!("the turnstile is jammed"),
            Some(Jam::HangsWhenClosed) => pending().await,
            Some(Jam::Refuses(_) | Jam::Hangs | Jam::Panics) | None => {}
        }
    }
}
