//! Random histories of a stack against a naive model of what must be true after each step.
//!
//! A step is something CloudFormation, Lambda or a person does. Between steps the model knows one thing: which
//! connection the stack should have now, or none. The number of histories is `PROPTEST_CASES`, 64 without it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "tests may panic and sleep on the paused clock; each uses its part of the bench"
)]

mod support;

use std::time::Duration;

use cloud::fake::{DomainFeatures, Fault, Faulty, Quirk, Side, World};
use cloud::{Code, OutboundStatus};
use custom_resource::testing::{create, delete, update};
use proptest::prelude::*;
use serde_json::{Value, json};

use support::{Bench, KIND, LEADER, by_hand, changed, domain, leader, properties, world};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// CloudFormation creates the resource, if the stack has none.
    Create(Trouble),
    /// CloudFormation updates it to another leader or alias, if the stack has it; a failure is rolled back.
    Update { leader: usize, alias: usize, trouble: Trouble },
    /// CloudFormation deletes it.
    Delete(Trouble),
    /// Lambda delivers the last event again.
    Again,
    /// Somebody deletes the connection by hand.
    DeletedByHand(bool),
    /// Somebody makes a connection of their own under an alias that is free.
    MadeByHand(usize),
    /// Time passes.
    Pass(u64),
}

/// What goes wrong meanwhile.
#[derive(Clone, Debug)]
enum Trouble {
    None,
    /// The n-th call goes wrong.
    Fault(u32, Fault),
    /// The invocation dies at the n-th call; Lambda delivers the event again.
    Crash(u32),
    /// The event is delivered twice, the second one this many seconds later.
    Twice(u64),
}

/// The last one cannot be connected: an update to it fails and is rolled back.
const LEADERS: [&str; 3] = ["leader", "leader-two", "open"];
const ALIASES: [&str; 2] = ["leader-alias", "another-alias"];

fn trouble() -> impl Strategy<Value = Trouble> {
    let fault = prop_oneof![
        Just(Fault::Fail(Code::AccessDenied)),
        Just(Fault::Fail(Code::Internal)),
        Just(Fault::LoseResponse),
        Just(Fault::Throttle(3)),
        Just(Fault::Delay(Duration::from_secs(15))),
    ];
    prop_oneof![
        2 => Just(Trouble::None),
        2 => (1..40_u32, fault).prop_map(|(nth, fault)| Trouble::Fault(nth, fault)),
        2 => (1..40_u32).prop_map(Trouble::Crash),
        1 => (0..120_u64).prop_map(Trouble::Twice),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => trouble().prop_map(Step::Create),
        4 => (0..3_usize, 0..2_usize, trouble())
            .prop_map(|(leader, alias, trouble)| Step::Update { leader, alias, trouble }),
        3 => trouble().prop_map(Step::Delete),
        2 => Just(Step::Again),
        1 => any::<bool>().prop_map(Step::DeletedByHand),
        1 => (0..2_usize).prop_map(Step::MadeByHand),
        1 => (0..100_u64).prop_map(Step::Pass),
    ]
}

fn quirks() -> impl Strategy<Value = Vec<Quirk>> {
    proptest::sample::subsequence(
        vec![
            Quirk::RefusesDeleteWhileSettling,
            Quirk::RefusesDeleteWhileDeleting,
            Quirk::DeletesOnlyWhatIsListed,
            Quirk::AliasCheckSeesOnlyWhatIsListed,
            Quirk::FailedFreesTheAlias,
        ],
        0..=5,
    )
}

/// The stack as CloudFormation knows it, and the world.
struct Stack {
    world: World,
    /// The id and the properties, while the stack has the resource.
    resource: Option<(String, Value)>,
    last_event: Option<Value>,
    requests: u32,
    /// Connections that people made.
    theirs: Vec<String>,
}

impl Stack {
    fn new(quirks: Vec<Quirk>) -> Self {
        let open = DomainFeatures { node_to_node_encryption: false, ..DomainFeatures::default() };
        let world = world().with_domain(domain(LEADER, "us-east-1", "open"), open);
        let world = quirks.into_iter().fold(world, World::with_quirk);
        Self { world, resource: None, last_event: None, requests: 0, theirs: Vec::new() }
    }

    fn request(&mut self, mut event: Value) -> Value {
        self.requests += 1;
        event["RequestId"] = json!(format!("request-{}", self.requests));
        self.last_event = Some(event.clone());
        event
    }

    fn record(&self, status: &str, id: Option<&str>) {
        Bench::in_world(self.world.clone()).record(status, id);
    }

    /// Delivers one request with its trouble, and returns the last answer.
    async fn deliver(&self, event: &Value, trouble: &Trouble) -> Value {
        let faulty = Faulty::new(self.world.clone());
        let bench = Bench::new(match trouble {
            Trouble::Fault(nth, fault) => faulty.on_call(*nth, fault.clone()),
            Trouble::Crash(nth) => faulty.on_call(*nth, Fault::CancelAfter),
            Trouble::None | Trouble::Twice(_) => faulty,
        });
        let mut answers = match trouble {
            Trouble::Twice(later) => {
                let again = async {
                    tokio::time::sleep(Duration::from_secs(*later)).await;
                    bench.send(event).await
                };
                let (mut answers, others) = tokio::join!(bench.send(event), again);
                answers.extend(others);
                answers
            }
            Trouble::Crash(_) => match bench.cloud.faults().run(bench.send(event)).await {
                Some(answers) => answers,
                None => bench.send(event).await,
            },
            Trouble::None | Trouble::Fault(..) => bench.send(event).await,
        };
        let first = answers.remove(0);
        for answer in answers {
            // Two failures may have met at different moments of the same end, so their words may differ.
            let is_same = answer == first || (answer["Status"] == "FAILED" && first["Status"] == "FAILED");
            assert!(is_same, "one consistent answer: {first} and {answer}");
        }
        first
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Create(trouble) if self.resource.is_none() => {
                let properties = properties();
                let event = self.request(create(KIND, &properties));
                self.record("CREATE_IN_PROGRESS", None);
                let answer = self.deliver(&event, &trouble).await;
                let id = answer["PhysicalResourceId"].as_str().unwrap().to_owned();
                if answer["Status"] == "SUCCESS" {
                    self.record("CREATE_COMPLETE", Some(&id));
                    self.resource = Some((id, properties));
                } else {
                    self.delete(&id, &properties, &Trouble::None).await;
                }
            }
            Step::Update { leader, alias, trouble } => {
                let Some((id, old)) = self.resource.clone() else { return };
                let new = changed(
                    changed(old.clone(), "RemoteDomain", LEADERS[leader]),
                    "ConnectionAlias",
                    ALIASES[alias],
                );
                self.update(&id, &old, &new, &trouble).await;
            }
            Step::Delete(trouble) => {
                if let Some((id, properties)) = self.resource.take() {
                    self.delete(&id, &properties, &trouble).await;
                }
            }
            Step::Again => {
                // CloudFormation's record says what became of it: nothing may change.
                if let Some(event) = self.last_event.clone() {
                    let before = self.world.snapshot();
                    Bench::in_world(self.world.clone()).send(&event).await;
                    let changes = self.world.leftovers(&before);
                    assert!(changes.is_nothing(), "a late delivery changed: {changes}");
                }
            }
            Step::DeletedByHand(by_leader) => {
                let side = if by_leader { Side::Leader } else { Side::Follower };
                for row in
                    self.world.live_connections().into_iter().filter(|row| !self.theirs.contains(&row.id))
                {
                    if row.outbound == Some(OutboundStatus::Active) {
                        self.world.delete_by_hand(&row.id, side);
                        tokio::time::sleep(Duration::from_mins(2)).await;
                    }
                }
            }
            Step::MadeByHand(alias) => {
                let is_free = self.world.live_connections().iter().all(|row| row.alias != ALIASES[alias]);
                if is_free {
                    self.theirs.push(
                        self.world.hand_made(by_hand(ALIASES[alias], leader()), OutboundStatus::Active),
                    );
                }
            }
            Step::Pass(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Step::Create(_) => (),
        }
    }

    async fn update(&mut self, id: &str, old: &Value, new: &Value, trouble: &Trouble) {
        if old == new {
            return;
        }
        let event = self.request(update(KIND, id, new, old));
        self.record("UPDATE_IN_PROGRESS", Some(id));
        let answer = self.deliver(&event, trouble).await;
        let answered = answer["PhysicalResourceId"].as_str().unwrap().to_owned();
        let is_done = answer["Status"] == "SUCCESS";
        let (kept, kept_properties, dropped, dropped_properties) = if is_done {
            (answered.clone(), new, id.to_owned(), old)
        } else {
            (id.to_owned(), old, answered.clone(), new)
        };
        if !is_done {
            let event = self.request(update(KIND, &answered, old, new));
            self.record("UPDATE_IN_PROGRESS", Some(&answered));
            let back = self.deliver(&event, &Trouble::None).await;
            // The alias may be somebody's by now: then the stack stands at UPDATE_ROLLBACK_FAILED with what it has.
            let by_others =
                back["Reason"].as_str().is_some_and(|reason| reason.contains("which no stack manages"));
            assert!(back["Status"] == "SUCCESS" || by_others, "{back}");
        }
        self.record("UPDATE_COMPLETE", Some(&kept));
        self.resource = Some((kept.clone(), kept_properties.clone()));
        if dropped != kept {
            let event = self.request(delete(KIND, &dropped, dropped_properties));
            let answer = self.deliver(&event, &Trouble::None).await;
            assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        }
    }

    async fn delete(&mut self, id: &str, properties: &Value, trouble: &Trouble) {
        let event = self.request(delete(KIND, id, properties));
        self.record("DELETE_IN_PROGRESS", Some(id));
        let answer = self.deliver(&event, trouble).await;
        if answer["Status"] != "SUCCESS" {
            // DELETE_FAILED: somebody deletes the stack again.
            let event = self.request(delete(KIND, id, properties));
            let again = self.deliver(&event, &Trouble::None).await;
            assert_eq!(again["Status"], "SUCCESS", "{again}");
        }
        self.record("DELETE_COMPLETE", Some(id));
        self.resource = None;
    }

    /// What must be true after every step.
    fn check(&self) {
        let ours: Vec<_> =
            self.world.live_connections().into_iter().filter(|row| !self.theirs.contains(&row.id)).collect();
        let claims = self.world.claims_left();
        match &self.resource {
            None => {
                assert!(ours.is_empty() && claims.is_empty(), "the stack has nothing: {ours:?} {claims:?}");
            }
            Some((id, properties)) => {
                // By hand it may be gone; more than one, or another one than the properties say, it may never be.
                assert!(ours.len() <= 1, "{ours:?}");
                for row in &ours {
                    assert_eq!(row.alias, properties["ConnectionAlias"].as_str().unwrap());
                    assert_eq!(row.remote.name, properties["RemoteDomain"].as_str().unwrap());
                    assert!(id.ends_with(&row.alias));
                }
            }
        }
        for id in &self.theirs {
            let row = self.world.connection(id).unwrap();
            assert_eq!(row.outbound, Some(OutboundStatus::Active), "somebody else's connection was touched");
        }
    }
}

fn run(quirks: Vec<Quirk>, history: Vec<Step>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut stack = Stack::new(quirks);
        for step in history {
            stack.take(step).await;
            tokio::time::sleep(Duration::from_mins(2)).await;
            stack.check();
        }
        stack.take(Step::Delete(Trouble::None)).await;
        tokio::time::sleep(Duration::from_mins(2)).await;
        stack.check();
    });
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..ProptestConfig::with_cases(cases())
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64)
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn any_history_keeps_the_promises(quirks in quirks(), history in prop::collection::vec(step(), 1..12)) {
        run(quirks, history);
    }
}

// ---- Found by the histories above --------------------------------------------------------------------------------------

fn fails_at(nth: u32) -> Trouble {
    Trouble::Fault(nth, Fault::Fail(Code::AccessDenied))
}

/// The duplicate came when the first delivery was removing its claim, and lost its own with it.
#[test]
fn regression_a_late_duplicate_of_a_failed_replacement_leaves_nothing() {
    for seconds in 60..90 {
        let update = Step::Update { leader: 2, alias: 1, trouble: Trouble::Twice(seconds) };
        run(vec![], vec![Step::Create(Trouble::None), update]);
    }
}

/// The connection was requested, its id could not be written down, and the rollback wants it to lead elsewhere.
#[test]
fn regression_a_rollback_finds_what_the_failed_update_requested() {
    for quirks in [vec![], vec![Quirk::RefusesDeleteWhileSettling]] {
        for nth in 1..20 {
            let update = Step::Update { leader: 1, alias: 0, trouble: fails_at(nth) };
            run(quirks.clone(), vec![Step::Create(Trouble::None), Step::DeletedByHand(false), update]);
        }
    }
}

/// Both requested, and each took the other's connection for somebody else's.
#[test]
fn regression_two_deliveries_of_an_update_that_both_request_know_each_other() {
    for seconds in 30..60 {
        let update = Step::Update { leader: 1, alias: 0, trouble: Trouble::Twice(seconds) };
        run(vec![Quirk::AliasCheckSeesOnlyWhatIsListed], vec![Step::Create(Trouble::None), update]);
    }
}

/// What was requested late in an operation was given no time to be listed, and counted as removed by somebody.
#[test]
fn regression_a_connection_requested_after_a_long_wait_has_its_time_to_be_listed() {
    let update = Step::Update { leader: 1, alias: 1, trouble: fails_at(9) };
    let history = vec![
        Step::Create(Trouble::None),
        Step::Update { leader: 0, alias: 1, trouble: Trouble::None },
        Step::DeletedByHand(false),
        update,
    ];
    run(vec![Quirk::RefusesDeleteWhileSettling], history);
}
