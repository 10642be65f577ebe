//! A kind that does what the test says, on the crate's own recorder and stage.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that breaks is a test that fails")]

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use custom_resource::testing::{Recorder, Stage, Turnstile, invocation};
use custom_resource::{
    Applied, Context, Failure, Home, Invocation, Kind, LARGEST_BODY, Properties, Resource, Rule, ServeError,
    Service,
};
use serde_json::Value;
use tokio::time::Instant;
use wait::{Deadline, Pace, Probe, Retry, Retryable, until};

pub(crate) const KIND: &str = "Custom::Thing";

/// The Lambda time-out of an invocation, unless the test says otherwise.
const SECONDS: u64 = 900;

const NAME: Rule = Rule {
    expects: "lower-case letters",
    accepts: |text| text.bytes().all(|byte| byte.is_ascii_lowercase()),
};
const ANYTHING: Rule = Rule { expects: "anything", accepts: |_| true };
const SECRET: Rule = Rule { expects: "8 letters or more", accepts: |text| text.len() >= 8 };

pub(crate) struct Spec {
    name: String,
    suffix: String,
}

/// `thing/<name>`.
pub(crate) struct Identity(String);

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "thing/{}", self.0)
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.strip_prefix("thing/").map(|name| Self(name.to_owned())).ok_or(())
    }
}

type Work<T> = Box<dyn Fn(Context) -> Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>> + Send + Sync>;

struct Thing {
    calls: Arc<Mutex<Vec<String>>>,
    apply: Work<Applied>,
    cleanup: Work<()>,
}

impl Thing {
    fn called(&self, call: String) {
        self.calls.lock().expect("no test panics while it holds this").push(call);
    }
}

impl Resource for Thing {
    const TYPE: &'static str = KIND;
    const ALSO_SERVES: &'static [&'static str] = &["Custom::ThingOfOld"];
    type Spec = Spec;
    type Identity = Identity;

    fn read(&self, properties: &mut Properties<'_>, _home: &Home) -> Option<Spec> {
        let name = properties.required("Name", &NAME);
        let suffix = properties.optional("Suffix", &ANYTHING);
        properties.confidential("Secret", &SECRET);
        assert!(properties.flag("Panics") != Some(true), "the reader of properties is broken");
        Some(Spec { name: name?, suffix: suffix.unwrap_or_default() })
    }

    fn identity(&self, spec: &Spec) -> Identity {
        Identity(format!("{}{}", spec.name, spec.suffix))
    }

    async fn apply(&self, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
        self.called(format!("apply {} as {:?}", self.identity(spec), context.change));
        (self.apply)(context.clone()).await
    }

    async fn cleanup(&self, id: &Identity, spec: Option<&Spec>, context: &Context) -> Result<(), Failure> {
        let properties = if spec.is_some() { "with" } else { "without" };
        self.called(format!("cleanup {id} {properties} properties as {:?}", context.change));
        (self.cleanup)(context.clone()).await
    }
}

/// A kind that works like this and notes what is called.
pub(crate) fn thing<A, C>(
    apply: impl Fn(Context) -> A + Send + Sync + 'static,
    cleanup: impl Fn(Context) -> C + Send + Sync + 'static,
    calls: &Arc<Mutex<Vec<String>>>,
) -> Kind
where
    A: Future<Output = Result<Applied, Failure>> + Send + 'static,
    C: Future<Output = Result<(), Failure>> + Send + 'static,
{
    Kind::new(Thing {
        calls: Arc::clone(calls),
        apply: Box::new(move |context| Box::pin(apply(context))),
        cleanup: Box::new(move |context| Box::pin(cleanup(context))),
    })
}

/// One kind, one function, one stack, one clock.
pub(crate) struct Bench {
    pub(crate) service: Service<Recorder, Stage, Turnstile>,
    pub(crate) stage: Stage,
    pub(crate) turnstile: Turnstile,
    calls: Arc<Mutex<Vec<String>>>,
    start: Instant,
}

impl Bench {
    /// A kind that works like this.
    pub(crate) fn of<A, C>(
        apply: impl Fn(Context) -> A + Send + Sync + 'static,
        cleanup: impl Fn(Context) -> C + Send + Sync + 'static,
    ) -> Self
    where
        A: Future<Output = Result<Applied, Failure>> + Send + 'static,
        C: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let (stage, turnstile, calls) = (Stage::default(), Turnstile::default(), Arc::default());
        let kind = thing(apply, cleanup, &calls);
        let service = Service::new(vec![kind], Recorder::default(), stage.clone()).behind(turnstile.clone());
        Self { service, stage, turnstile, calls, start: Instant::now() }
    }

    /// A kind that applies like this, and whose cleanup succeeds.
    pub(crate) fn applying<A>(apply: impl Fn(Context) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = Result<Applied, Failure>> + Send + 'static,
    {
        Self::of(apply, async |_| Ok(()))
    }

    /// A kind for which everything succeeds at once.
    pub(crate) fn willing() -> Self {
        Self::applying(async |_| Ok(Applied::new().attribute("Colour", "red")))
    }

    /// An invocation that starts now.
    pub(crate) fn invocation(&self, seconds: u64) -> Invocation {
        let invocation = invocation(seconds);
        Invocation { now: invocation.now + self.start.elapsed(), ..invocation }
    }

    /// The time since the start of the test.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) async fn serve(&self, event: &Value) -> Result<(), ServeError> {
        self.serve_in(event, SECONDS).await
    }

    /// Serves the event in an invocation of so many seconds, which it never outlives.
    pub(crate) async fn serve_in(&self, event: &Value, seconds: u64) -> Result<(), ServeError> {
        let invocation = self.invocation(seconds);
        let served = self.service.serve(event.clone(), &invocation).await;
        let goes_on = self.stage.baton().is_some();
        assert_eq!(!self.turnstile.inside().is_empty(), goes_on, "open exactly while it goes on elsewhere");
        assert!(!invocation.deadline.has_passed(), "Lambda would have ended the invocation");
        served
    }

    /// What the answers are since the last look, each of a size that CloudFormation reads.
    pub(crate) fn answers(&self) -> Vec<Value> {
        let answers = self.service.responder().take();
        for answer in &answers {
            assert!(answer.to_string().len() <= LARGEST_BODY, "too long: {answer}");
        }
        answers
    }

    /// The one answer to an event.
    pub(crate) async fn answer(&self, event: &Value) -> Value {
        self.serve(event).await.expect("served");
        self.only_answer()
    }

    /// The one answer since the last look.
    #[track_caller]
    pub(crate) fn only_answer(&self) -> Value {
        let answers = self.answers();
        let [answer] = answers.as_slice() else { panic!("not one answer: {answers:?}") };
        answer.clone()
    }

    /// The Reason of the one answer, which is FAILED.
    pub(crate) async fn reason(&self, event: &Value) -> String {
        reason(&self.answer(event).await)
    }

    /// Invokes the function again as often as it asks for that. The number of invocations.
    pub(crate) async fn serve_through(&self, event: &Value, seconds: u64) -> u32 {
        let mut events = vec![event.clone()];
        let mut count = 0;
        while let Some(event) = events.pop() {
            count += 1;
            self.serve_in(&event, seconds).await.expect("served");
            events.extend(self.stage.take_continuations());
        }
        count
    }

    /// What was called since the last look.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().expect("no test panics while it holds this"))
    }
}

/// The Reason of an answer, which is FAILED.
#[track_caller]
pub(crate) fn reason(answer: &Value) -> String {
    assert_eq!(text(answer, "Status"), "FAILED", "{answer}");
    text(answer, "Reason").to_owned()
}

/// A member of an answer.
#[track_caller]
pub(crate) fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// A refusal of the test's own making.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Trouble(pub(crate) &'static str, #[source] pub(crate) Option<Box<Self>>);

impl Retryable for Trouble {
    fn retry(&self) -> Retry {
        Retry::Never
    }
}

/// Work that is ready after so many seconds of paused time, and not within the deadline when that comes first.
pub(crate) async fn ready_at(instant: Instant, deadline: Deadline) -> Result<(), Failure> {
    let look = async || {
        Ok::<_, Trouble>(if Instant::now() >= instant {
            Probe::Ready(())
        } else {
            Probe::NotYet("VALIDATING".to_owned())
        })
    };
    until(deadline, &Pace::default().seeded(1), |_| (), look)
        .await
        .map_err(|error| Failure::of_wait(error, "thing `a` is not READY", Failure::new))
}

/// Work that never gets ready, and ends in time.
pub(crate) async fn never_ready<T>(context: Context) -> Result<T, Failure> {
    ready_at(Instant::now() + Duration::from_hours(24), context.deadline).await?;
    panic!("ready")
}

/// Lets paused time pass.
pub(crate) async fn pass(seconds: u64) {
    Deadline::after(Duration::from_secs(seconds)).limit(std::future::pending::<Infallible>()).await;
}

/// The event with a member changed.
pub(crate) fn with(event: &Value, name: &str, member: Value) -> Value {
    let mut event = event.clone();
    event.as_object_mut().expect("an event").insert(name.to_owned(), member);
    event
}

/// The event without a member.
pub(crate) fn without(event: &Value, name: &str) -> Value {
    let mut event = event.clone();
    event.as_object_mut().expect("an event").remove(name);
    event
}
