//! The bench for kinds: the real protocol and the real kinds on a world in memory, under paused time.

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

pub mod history;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use cloud::fake::{DomainFeatures, Faulty, Snapshot, World};
use cloud::{Domain, Mode, NewConnection, SkipUnavailable, StackResource as Seen};
use custom_resource::testing::{FUNCTION_ARN, Recorder, STACK_ID};
use custom_resource::{Invocation, Service};
use resources::{Egress, Platform};
use serde_json::{Value, json};
use tokio::time::Instant;
use wait::Deadline;

pub const LEADER: &str = "111111111111";
pub const FOLLOWER: &str = "222222222222";
pub const KIND: &str = "Custom::CrossClusterConnection";
pub const ROLE: &str = "arn:aws:iam::111111111111:role/tandem-accepter";
pub const LOGICAL_ID: &str = "Connection";

/// The protocol over a world in memory.
type Served = Service<Recorder, Platform<Faulty<World>>, Option<Egress<Faulty<World>>>>;

/// One function in one world.
pub struct Bench {
    pub world: World,
    pub cloud: Arc<Faulty<World>>,
    pub before: Snapshot,
    service: Served,
    start: Instant,
    seconds: u64,
}

impl Bench {
    pub fn new(cloud: Faulty<World>) -> Self {
        let (world, cloud) = (cloud.inner().clone(), Arc::new(cloud));
        let gate = world.nat_id().map(|instance| Egress::new(Arc::clone(&cloud), instance));
        let service =
            Service::new(resources::kinds(&cloud), Recorder::default(), Platform::new(Arc::clone(&cloud)))
                .behind(gate);
        Self { before: world.snapshot(), world, cloud, service, start: Instant::now(), seconds: 900 }
    }

    pub fn in_world(world: World) -> Self {
        Self::new(Faulty::new(world))
    }

    /// With a function whose time-out is this long.
    pub fn with_timeout(mut self, seconds: u64) -> Self {
        self.seconds = seconds;
        self
    }

    /// CloudFormation's record of the resource from now on.
    pub fn record(&self, status: &str, physical_id: Option<&str>) {
        let physical_id = physical_id.map(str::to_owned);
        self.world.stack_resource(STACK_ID, LOGICAL_ID, Seen { status: status.to_owned(), physical_id });
    }

    pub fn invocation(&self) -> Invocation {
        // No two invocations begin in the same millisecond, and a later one never before an earlier one.
        thread_local! {
            static BEGUN: Cell<u64> = const { Cell::new(0) };
        }
        let later = Duration::from_millis(BEGUN.replace(BEGUN.get() + 1));
        Invocation {
            function_arn: FUNCTION_ARN.to_owned(),
            deadline: Deadline::after(Duration::from_secs(self.seconds)),
            now: self.world.wall_clock() + later,
        }
    }

    /// Delivers an event and every continuation of it; the answers, in order.
    pub async fn send(&self, event: &Value) -> Vec<Value> {
        let mut next = Some(event.clone());
        while let Some(event) = next {
            let before = self.world.invocations().len();
            self.service.serve(event, &self.invocation()).await.expect("an answer is delivered");
            let made = self.world.invocations();
            next = made.get(before).map(|made| serde_json::from_str(&made.payload).expect("an event"));
        }
        self.service.responder().take()
    }

    /// What was answered before is not looked at: an invocation may die after its answer.
    pub fn forget_answers(&self) {
        self.answers();
    }

    /// Takes what was answered so far: an invocation may die after its answer.
    pub fn answers(&self) -> Vec<Value> {
        self.service.responder().take()
    }

    /// Delivers an event that has one answer.
    pub async fn answer(&self, event: &Value) -> Value {
        let mut answers = self.send(event).await;
        assert_eq!(answers.len(), 1, "one answer: {answers:?}");
        answers.remove(0)
    }

    pub async fn success(&self, event: &Value) -> Value {
        let answer = self.answer(event).await;
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        answer
    }

    pub async fn reason(&self, event: &Value) -> String {
        let answer = self.answer(event).await;
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        answer["Reason"].as_str().expect("a reason").to_owned()
    }

    /// Nothing is left and nothing of others was touched, once both sides had a minute to agree.
    pub async fn assert_nothing_left(&self, when: &str) {
        tokio::time::sleep(Duration::from_mins(1)).await;
        let leftovers = self.world.leftovers(&self.before);
        assert!(leftovers.is_nothing(), "{when}: {leftovers}\ncalls: {:?}", self.world.calls());
    }

    /// A request that failed before anything was made has left no trace but its claim, and its Delete takes that.
    pub fn assert_nothing_made(&self) {
        let mut leftovers = self.world.leftovers(&self.before);
        leftovers.claims.clear();
        assert!(leftovers.is_nothing(), "{leftovers}");
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

pub fn domain(account: &str, region: &str, name: &str) -> Domain {
    Domain { account: account.to_owned(), region: region.to_owned(), name: name.to_owned() }
}

pub fn leader() -> Domain {
    domain(LEADER, "us-east-1", "leader")
}

pub fn follower() -> Domain {
    domain(FOLLOWER, "us-west-2", "follower")
}

/// Two accounts, two Regions, a leader and one more, a follower, the accepter role.
pub fn world() -> World {
    World::new(FOLLOWER, "us-west-2")
        .with_domain(leader(), DomainFeatures::default())
        .with_domain(domain(LEADER, "us-east-1", "leader-two"), DomainFeatures::default())
        .with_domain(follower(), DomainFeatures::default())
        .with_role(ROLE, LEADER, "the-external-id")
}

/// The properties of the connection from [`follower`] to [`leader`].
pub fn properties() -> Value {
    json!({
        "ConnectionAlias": "leader-alias",
        "LocalDomain": "follower",
        "RemoteAccount": LEADER,
        "RemoteRegion": "us-east-1",
        "RemoteDomain": "leader",
        "RemoteRoleArn": ROLE,
        "RemoteExternalId": "the-external-id",
        "ServiceTimeout": "3600",
    })
}

pub fn changed(mut properties: Value, name: &str, value: &str) -> Value {
    properties[name] = json!(value);
    properties
}

/// The same connection as somebody would make it by hand.
pub fn by_hand(alias: &str, remote: Domain) -> NewConnection {
    NewConnection {
        alias: alias.to_owned(),
        local: follower(),
        remote,
        mode: Mode::Direct,
        skip_unavailable: SkipUnavailable::Enabled,
    }
}

pub const ID: &str = "connection/222222222222/us-west-2/follower/leader-alias";
