//! Random histories of a stack against a naive model of what must be true after each step.
//!
//! A step is something CloudFormation, Lambda or a person does (see `support/history.rs`). Between steps the model knows
//! one thing: which connection the stack should have now, or none.

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

use std::cell::RefCell;
use std::time::Duration;

use cloud::fake::{DomainFeatures, Fault, Quirk, Side, World};
use cloud::{Code, OutboundStatus};
use proptest::prelude::*;
use serde_json::Value;

use support::history::{self, Plot, config};
use support::{KIND, LEADER, by_hand, changed, domain, leader, properties, world};

/// A leader and an alias.
type Wish = (usize, usize);
type Step = history::Step<Wish, Deed>;
type Trouble = history::Trouble<Deed>;

/// The last one cannot be connected: an update to it fails and is rolled back.
const LEADERS: [&str; 3] = ["leader", "leader-two", "open"];
const ALIASES: [&str; 2] = ["leader-alias", "another-alias"];

/// What people do.
#[derive(Clone, Debug)]
enum Deed {
    /// Somebody deletes the connection, as the leader's owner or as the follower's.
    Delete(bool),
    /// Somebody makes a connection of their own under an alias that is free.
    Make(usize),
}

struct Connections {
    world: World,
    /// Connections that people made.
    theirs: RefCell<Vec<String>>,
}

impl Connections {
    fn new(quirks: Vec<Quirk>) -> Self {
        let open = DomainFeatures { node_to_node_encryption: false, ..DomainFeatures::default() };
        let world = world().with_domain(domain(LEADER, "us-east-1", "open"), open);
        let world = quirks.into_iter().fold(world, World::with_quirk);
        Self { world, theirs: RefCell::default() }
    }

    fn ours(&self) -> Vec<cloud::fake::Connection> {
        let theirs = self.theirs.borrow();
        self.world.live_connections().into_iter().filter(|row| !theirs.contains(&row.id)).collect()
    }
}

impl Plot for Connections {
    type Wish = Wish;
    type Deed = Deed;

    const KIND: &'static str = KIND;

    fn world(&self) -> &World {
        &self.world
    }

    fn properties(&self, (leader, alias): &Wish) -> Value {
        let connected = changed(properties(), "RemoteDomain", LEADERS[*leader]);
        changed(connected, "ConnectionAlias", ALIASES[*alias])
    }

    fn is_in_place(&self, (_, old): &Wish, (_, new): &Wish) -> bool {
        old == new
    }

    async fn do_by_hand(&self, deed: &Deed, _is_meanwhile: bool) {
        match deed {
            Deed::Delete(by_leader) => {
                let side = if *by_leader { Side::Leader } else { Side::Follower };
                for row in self.ours() {
                    if row.outbound == Some(OutboundStatus::Active) {
                        self.world.delete_by_hand(&row.id, side);
                        tokio::time::sleep(Duration::from_mins(2)).await;
                    }
                }
            }
            Deed::Make(alias) => {
                let alias = ALIASES[*alias];
                if self.world.live_connections().iter().all(|row| row.alias != alias) {
                    let id = self.world.hand_made(by_hand(alias, leader()), OutboundStatus::Active);
                    self.theirs.borrow_mut().push(id);
                }
            }
        }
    }

    fn settled(&self, _wish: &Wish, _is_calm: bool) {}

    fn going(&self, _wish: &Wish, _is_calm: bool) {}

    fn is_by_others(&self, _wish: &Wish, reason: &str) -> bool {
        reason.contains("which no stack manages")
    }

    fn check(&self, has: Option<(&str, &Wish)>) {
        let (ours, claims) = (self.ours(), self.world.claims_left());
        match has {
            None => {
                assert!(ours.is_empty() && claims.is_empty(), "the stack has nothing: {ours:?} {claims:?}");
            }
            Some((id, (leader, alias))) => {
                // By hand it may be gone; more than one, or another one than the properties say, it may never be.
                assert!(ours.len() <= 1, "{ours:?}");
                for row in &ours {
                    assert_eq!(row.alias, ALIASES[*alias]);
                    assert_eq!(row.remote.name, LEADERS[*leader]);
                    assert!(id.ends_with(&row.alias));
                }
            }
        }
        for id in &*self.theirs.borrow() {
            let row = self.world.connection(id).unwrap();
            assert_eq!(row.outbound, Some(OutboundStatus::Active), "somebody else's connection was touched");
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    // What can be connected is what a stack begins with.
    let wish = prop_oneof![5 => (0..2_usize, 0..2_usize), 1 => (0..3_usize, 0..2_usize)].boxed();
    let deed = prop_oneof![any::<bool>().prop_map(Deed::Delete), (0..2_usize).prop_map(Deed::Make)];
    history::step(wish, deed, &history::trouble())
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

fn run(quirks: Vec<Quirk>, history: Vec<Step>) {
    history::live(|| Connections::new(quirks), history);
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn any_history_keeps_the_promises(quirks in quirks(), history in prop::collection::vec(step(), 1..12)) {
        run(quirks, history);
    }
}

// ---- Found by the histories above --------------------------------------------------------------------------------------

const CREATE: Step = Step::Create((0, 0), Trouble::None);

fn fails_at(nth: u32) -> Trouble {
    Trouble::Fault(nth, Fault::Fail(Code::AccessDenied))
}

/// The duplicate came when the first delivery was removing its claim, and lost its own with it.
#[test]
fn regression_a_late_duplicate_of_a_failed_replacement_leaves_nothing() {
    for seconds in 60..90 {
        let update = Step::Update((2, 1), Trouble::Twice(seconds));
        run(vec![], vec![CREATE, update]);
    }
}

/// The connection was requested, its id could not be written down, and the rollback wants it to lead elsewhere.
#[test]
fn regression_a_rollback_finds_what_the_failed_update_requested() {
    for quirks in [vec![], vec![Quirk::RefusesDeleteWhileSettling]] {
        for nth in 1..20 {
            let update = Step::Update((1, 0), fails_at(nth));
            run(quirks.clone(), vec![CREATE, Step::ByHand(Deed::Delete(false)), update]);
        }
    }
}

/// Both requested, and each took the other's connection for somebody else's.
#[test]
fn regression_two_deliveries_of_an_update_that_both_request_know_each_other() {
    for seconds in 30..60 {
        let update = Step::Update((1, 0), Trouble::Twice(seconds));
        run(vec![Quirk::AliasCheckSeesOnlyWhatIsListed], vec![CREATE, update]);
    }
}

/// What was requested late in an operation was given no time to be listed, and counted as removed by somebody.
#[test]
fn regression_a_connection_requested_after_a_long_wait_has_its_time_to_be_listed() {
    let update = Step::Update((1, 1), fails_at(9));
    let history =
        vec![CREATE, Step::Update((0, 1), Trouble::None), Step::ByHand(Deed::Delete(false)), update];
    run(vec![Quirk::RefusesDeleteWhileSettling], history);
}
