//! Random histories of one resource of a stack, the same for every kind: what CloudFormation and Lambda do, what people
//! do at the same time, what goes wrong meanwhile. What must be true after each step is the kind's own [`Plot`].

use std::fmt::Debug;
use std::time::Duration;

use cloud::Code;
use cloud::fake::{Fault, Faulty, World};
use custom_resource::testing::{create, delete, update};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Bench;

/// A kind in its world, with a naive model of what must be true there.
pub trait Plot {
    /// What a stack may want of the kind.
    type Wish: Clone + Debug + PartialEq;
    /// What people do by hand.
    type Deed: Clone + Debug;

    const KIND: &'static str;

    fn world(&self) -> &World;

    /// The properties that wish for it.
    fn properties(&self, wish: &Self::Wish) -> Value;

    /// Whether an Update from the one to the other is none to another PhysicalResourceId.
    fn is_in_place(&self, old: &Self::Wish, new: &Self::Wish) -> bool;

    /// A stack begins to want this.
    fn wished(&self, _wish: &Self::Wish) {}

    /// Somebody does something by hand, while a request is at work or between two.
    async fn do_by_hand(&self, deed: &Self::Deed, is_meanwhile: bool);

    /// A Create or an Update has come to its end, the Update back after a failure included: the stack has the resource
    /// like this. `is_calm`: nobody did anything by hand meanwhile.
    fn settled(&self, wish: &Self::Wish, is_calm: bool);

    /// A Create was given up without an answer: how far it came, nobody knows.
    fn unheard(&self, _wish: &Self::Wish) {}

    /// A Delete begins, by these properties.
    fn going(&self, wish: &Self::Wish, is_calm: bool);

    /// Whether it is the fault of people that the Update back fails with this Reason.
    fn is_by_others(&self, wish: &Self::Wish, reason: &str) -> bool;

    /// What must be true after every step, two minutes later.
    fn check(&self, has: Option<(&str, &Self::Wish)>);
}

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step<W, D> {
    /// CloudFormation creates the resource, if the stack has none.
    Create(W, Trouble<D>),
    /// CloudFormation updates it, if the stack has it; a failure is rolled back.
    Update(W, Trouble<D>),
    /// CloudFormation deletes it.
    Delete(Trouble<D>),
    /// Lambda delivers the last event again.
    Again,
    /// Somebody does something by hand.
    ByHand(D),
    /// Time passes.
    Pass(u64),
}

/// What goes wrong meanwhile.
#[derive(Clone, Debug)]
pub enum Trouble<D> {
    None,
    /// The n-th call goes wrong.
    Fault(u32, Fault),
    /// The invocation dies at the n-th call; Lambda delivers the event again.
    Crash(u32),
    /// The same, and nobody delivers it again: CloudFormation gives up waiting.
    Lost(u32),
    /// The event is delivered twice, the second one this many seconds later.
    Twice(u64),
    /// Somebody does something this many milliseconds after the delivery.
    Meanwhile(u64, D),
    /// The same, and the n-th call goes wrong.
    Both(u64, D, u32, Fault),
}

pub fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Fail(Code::AccessDenied)),
        Just(Fault::Fail(Code::Internal)),
        Just(Fault::LoseResponse),
        Just(Fault::Throttle(3)),
        Just(Fault::Delay(Duration::from_secs(15))),
    ]
}

/// What goes wrong, whatever the kind; a kind whose people do not wait adds what they do meanwhile.
pub fn trouble<D: Clone + Debug + 'static>() -> BoxedStrategy<Trouble<D>> {
    prop_oneof![
        2 => Just(Trouble::None),
        2 => (1..40_u32, fault()).prop_map(|(nth, fault)| Trouble::Fault(nth, fault)),
        2 => (1..40_u32).prop_map(Trouble::Crash),
        1 => (1..40_u32).prop_map(Trouble::Lost),
        1 => (0..120_u64).prop_map(Trouble::Twice),
    ]
    .boxed()
}

/// The same, and what people do at the same time.
pub fn trouble_with<D: Clone + Debug + 'static>(
    deed: impl Strategy<Value = D> + Clone + 'static,
) -> BoxedStrategy<Trouble<D>> {
    let moment = prop_oneof![0..4_000_u64, 0..60_000_u64].boxed();
    prop_oneof![
        8 => trouble(),
        3 => (moment.clone(), deed.clone()).prop_map(|(at, deed)| Trouble::Meanwhile(at, deed)),
        1 => (moment, deed, 1..40_u32, fault())
            .prop_map(|(at, deed, nth, fault)| Trouble::Both(at, deed, nth, fault)),
    ]
    .boxed()
}

pub fn step<W: Clone + Debug + 'static, D: Clone + Debug + 'static>(
    wish: impl Strategy<Value = W> + Clone + 'static,
    deed: impl Strategy<Value = D> + 'static,
    trouble: &BoxedStrategy<Trouble<D>>,
) -> BoxedStrategy<Step<W, D>> {
    prop_oneof![
        4 => (wish.clone(), trouble.clone()).prop_map(|(wish, trouble)| Step::Create(wish, trouble)),
        4 => (wish, trouble.clone()).prop_map(|(wish, trouble)| Step::Update(wish, trouble)),
        3 => trouble.clone().prop_map(Step::Delete),
        2 => Just(Step::Again),
        2 => deed.prop_map(Step::ByHand),
        1 => (0..100_u64).prop_map(Step::Pass),
    ]
    .boxed()
}

/// The stack as CloudFormation knows it, and the world.
struct Stack<P: Plot> {
    plot: P,
    /// The id and what it was made for, while the stack has the resource.
    resource: Option<(String, P::Wish)>,
    last_event: Option<Value>,
    requests: u32,
}

/// What becomes of a request.
struct Ending {
    /// None: CloudFormation gave up waiting.
    answer: Option<Value>,
    is_calm: bool,
}

impl<P: Plot> Stack<P> {
    fn request(&mut self, mut event: Value) -> Value {
        self.requests += 1;
        event["RequestId"] = json!(format!("request-{}", self.requests));
        self.last_event = Some(event.clone());
        event
    }

    fn record(&self, status: &str, id: Option<&str>) {
        Bench::in_world(self.plot.world().clone()).record(status, id);
    }

    /// Delivers one request with its trouble.
    async fn deliver(&self, event: &Value, trouble: &Trouble<P::Deed>) -> Ending {
        let faulty = Faulty::new(self.plot.world().clone());
        let bench = Bench::new(match trouble {
            Trouble::Fault(nth, fault) | Trouble::Both(_, _, nth, fault) => {
                faulty.on_call(*nth, fault.clone())
            }
            Trouble::Crash(nth) | Trouble::Lost(nth) => faulty.on_call(*nth, Fault::CancelAfter),
            Trouble::None | Trouble::Twice(_) | Trouble::Meanwhile(..) => faulty,
        });
        // A request's work is large, and a thread's stack is not.
        let send = || Box::pin(bench.send(event));
        let is_calm = !matches!(trouble, Trouble::Meanwhile(..) | Trouble::Both(..));
        let mut answers = match trouble {
            Trouble::Twice(later) => {
                let again = async {
                    tokio::time::sleep(Duration::from_secs(*later)).await;
                    send().await
                };
                let (mut answers, others) = tokio::join!(send(), again);
                answers.extend(others);
                answers
            }
            Trouble::Crash(_) => match bench.cloud.faults().run(send()).await {
                Some(answers) => answers,
                None => send().await,
            },
            Trouble::Lost(_) => {
                if let Some(answers) = bench.cloud.faults().run(send()).await {
                    answers
                } else {
                    tokio::time::sleep(Duration::from_hours(1)).await;
                    bench.answers()
                }
            }
            Trouble::Meanwhile(at, deed) | Trouble::Both(at, deed, ..) => {
                let by_hand = async {
                    tokio::time::sleep(Duration::from_millis(*at)).await;
                    self.plot.do_by_hand(deed, true).await;
                };
                tokio::join!(send(), by_hand).0
            }
            Trouble::None | Trouble::Fault(..) => send().await,
        };
        if answers.is_empty() && matches!(trouble, Trouble::Lost(_)) {
            return Ending { answer: None, is_calm };
        }
        assert!(!answers.is_empty(), "no answer");
        let first = answers.remove(0);
        for answer in answers {
            // Two failures may have met at different moments of the same end, so their words may differ.
            let is_same = answer == first || (answer["Status"] == "FAILED" && first["Status"] == "FAILED");
            assert!(is_same, "one consistent answer: {first} and {answer}");
        }
        Ending { answer: Some(first), is_calm }
    }

    async fn take(&mut self, step: Step<P::Wish, P::Deed>) {
        match step {
            Step::Create(wish, trouble) if self.resource.is_none() => self.create(wish, &trouble).await,
            Step::Update(wish, trouble) => {
                if let Some((id, old)) = self.resource.clone()
                    && old != wish
                {
                    self.update(&id, &old, &wish, &trouble).await;
                }
            }
            Step::Delete(trouble) => {
                if let Some((id, wish)) = self.resource.take() {
                    self.delete(&id, &wish, &trouble).await;
                }
            }
            Step::Again => {
                // CloudFormation's record says what became of it: nothing may change.
                if let Some(event) = self.last_event.clone() {
                    let before = self.plot.world().snapshot();
                    Bench::in_world(self.plot.world().clone()).send(&event).await;
                    let changes = self.plot.world().leftovers(&before);
                    assert!(changes.is_nothing(), "a late delivery changed: {changes}");
                }
            }
            Step::ByHand(deed) => self.plot.do_by_hand(&deed, false).await,
            Step::Pass(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Step::Create(..) => (),
        }
    }

    async fn create(&mut self, wish: P::Wish, trouble: &Trouble<P::Deed>) {
        self.plot.wished(&wish);
        let properties = self.plot.properties(&wish);
        let event = self.request(create(P::KIND, &properties));
        self.record("CREATE_IN_PROGRESS", None);
        let ending = Box::pin(self.deliver(&event, trouble)).await;
        // Where nobody answered, CloudFormation makes an id of its own.
        let id = ending
            .answer
            .as_ref()
            .map_or("connection-Connection-1ABCDEF", |answer| answer["PhysicalResourceId"].as_str().unwrap());
        if ending.answer.as_ref().is_some_and(|answer| answer["Status"] == "SUCCESS") {
            self.record("CREATE_COMPLETE", Some(id));
            self.plot.settled(&wish, ending.is_calm);
            self.resource = Some((id.to_owned(), wish));
        } else {
            if ending.answer.is_none() {
                self.plot.unheard(&wish);
            }
            self.delete(id, &wish, &Trouble::None).await;
        }
    }

    async fn update(&mut self, id: &str, old: &P::Wish, new: &P::Wish, trouble: &Trouble<P::Deed>) {
        self.plot.wished(new);
        let (before, after) = (self.plot.properties(old), self.plot.properties(new));
        let event = self.request(update(P::KIND, id, &after, &before));
        self.record("UPDATE_IN_PROGRESS", Some(id));
        let ending = Box::pin(self.deliver(&event, trouble)).await;
        let answer = match ending.answer {
            Some(answer) => answer,
            None if self.plot.is_in_place(old, new) => json!({ "PhysicalResourceId": id }),
            // Of a replacement that dies for good nobody has heard: Lambda's next try is what ends it.
            None => Box::pin(self.deliver(&event, &Trouble::None)).await.answer.unwrap(),
        };
        let answered = answer["PhysicalResourceId"].as_str().unwrap().to_owned();
        let is_done = answer["Status"] == "SUCCESS";
        if is_done {
            self.record("UPDATE_COMPLETE", Some(&answered));
            self.plot.settled(new, ending.is_calm);
        } else {
            let event = self.request(update(P::KIND, &answered, &before, &after));
            self.record("UPDATE_IN_PROGRESS", Some(&answered));
            let back = Box::pin(self.deliver(&event, &Trouble::None)).await.answer.unwrap();
            // By others, the stack stands at UPDATE_ROLLBACK_FAILED with what it has.
            let is_back = back["Status"] == "SUCCESS";
            let reason = back["Reason"].as_str().unwrap_or_default();
            assert!(is_back || self.plot.is_by_others(old, reason), "{back}");
            self.record("UPDATE_COMPLETE", Some(id));
            if is_back {
                self.plot.settled(old, ending.is_calm);
            }
        }
        let (kept, dropped) = if is_done { (new, old) } else { (old, new) };
        let (kept_id, dropped_id) = if is_done { (&*answered, id) } else { (id, &*answered) };
        self.resource = Some((kept_id.to_owned(), kept.clone()));
        if dropped_id != kept_id {
            self.plot.going(dropped, ending.is_calm);
            let event = self.request(delete(P::KIND, dropped_id, &self.plot.properties(dropped)));
            let answer = Box::pin(self.deliver(&event, &Trouble::None)).await.answer.unwrap();
            assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        }
    }

    async fn delete(&mut self, id: &str, wish: &P::Wish, trouble: &Trouble<P::Deed>) {
        let is_calm = !matches!(trouble, Trouble::Meanwhile(..) | Trouble::Both(..));
        self.plot.going(wish, is_calm);
        let properties = self.plot.properties(wish);
        let event = self.request(delete(P::KIND, id, &properties));
        self.record("DELETE_IN_PROGRESS", Some(id));
        let ending = Box::pin(self.deliver(&event, trouble)).await;
        if ending.answer.is_none_or(|answer| answer["Status"] != "SUCCESS") {
            // DELETE_FAILED: somebody deletes the stack again.
            let event = self.request(delete(P::KIND, id, &properties));
            let again = Box::pin(self.deliver(&event, &Trouble::None)).await.answer.unwrap();
            assert_eq!(again["Status"], "SUCCESS", "{again}");
        }
        self.record("DELETE_COMPLETE", Some(id));
        self.resource = None;
    }

    async fn check(&self) {
        tokio::time::sleep(Duration::from_mins(2)).await;
        self.plot.check(self.resource.as_ref().map(|(id, wish)| (id.as_str(), wish)));
    }
}

/// Lives through a history, and in the end deletes what is left.
pub fn live<P: Plot>(plot: impl FnOnce() -> P + Send, history: Vec<Step<P::Wish, P::Deed>>)
where
    P::Wish: Send,
    P::Deed: Send,
{
    let whole = move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(Box::pin(async {
            let mut stack = Stack { plot: plot(), resource: None, last_event: None, requests: 0 };
            for step in history {
                Box::pin(stack.take(step)).await;
                stack.check().await;
            }
            Box::pin(stack.take(Step::Delete(Trouble::None))).await;
            stack.check().await;
        }));
    };
    // What is not optimised is large, and the stack of a test's thread is not.
    std::thread::scope(|scope| {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let thread =
            std::thread::Builder::new().name(name).stack_size(STACK).spawn_scoped(scope, whole).unwrap();
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

const STACK: usize = 16 << 20;

/// The number of histories is `PROPTEST_CASES`, 64 without it.
pub fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    ProptestConfig { failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::with_cases(cases) }
}
