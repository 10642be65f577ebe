//! Random histories of a `Custom::ReplicationRule` beside people who make and delete rules and indexes, a leader that
//! grows and is down for a while, and a connection that parts (see `support/history.rs`).

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

mod data;
mod support;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use cloud::fake::World;
use proptest::prelude::*;
use serde_json::{Value, json};

use custom_resource::testing::{create, delete};
use data::{ALIAS, FOLLOWER, LEADER, REPLICATION_RULE, replication_rule, world};
use support::Bench;
use support::history::{self, Plot, config};

const NAMES: [&str; 2] = ["all-logs", "another"];
const PATTERNS: [&str; 3] = ["logs*", "logs-*", "events-*"];
/// What the leader has; the first two from the beginning.
const INDEXES: [&str; 4] = ["logs", "events-1", "logs-1", "logs-2"];
/// An index that people made follow under a name of its own.
const RENAMED: &str = "logs-renamed";

#[expect(clippy::struct_excessive_bools, reason = "each is a property of the resource")]
#[derive(Clone, Debug, PartialEq)]
struct Wish {
    name: usize,
    pattern: usize,
    is_set: bool,
    /// The follower's role is one that nobody has: the rule is refused, and an update to it rolled back.
    is_refused: bool,
    stops: bool,
    sees_leader: bool,
}

type Step = history::Step<Wish, Deed>;
type Trouble = history::Trouble<Deed>;

/// What people do, and what happens to the domains.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Somebody makes a rule where there is none of the name.
    Rule(usize),
    /// Somebody deletes a rule.
    Unrule(usize),
    /// The task of a rule ends.
    Kill(usize),
    /// Somebody makes an ordinary index on the follower where there is none.
    Make(usize),
    /// Somebody deletes an index of the follower, which he stops before.
    Delete(usize),
    /// Somebody stops an index from following.
    Stop(usize),
    /// Somebody pauses one.
    Pause(usize),
    /// The leader has another index.
    Grow(usize),
    /// The leader is down for so many seconds.
    Down(u64),
    /// The connection is gone for so many seconds.
    Part(u64),
}

struct Rules {
    world: World,
    /// Rules that are people's.
    by_hand: RefCell<BTreeSet<usize>>,
    /// Ordinary indexes that are people's.
    ordinary: RefCell<BTreeSet<usize>>,
    /// What followed when it was looked at last, and has no reason to stop.
    following: RefCell<BTreeSet<usize>>,
    wishes: RefCell<Vec<Wish>>,
    /// People did something to what the stack has, and no request was since.
    is_disturbed: Cell<bool>,
}

impl Rules {
    fn new() -> Self {
        let world = world();
        world.write_documents(LEADER, "events-1", &[("x", 1)]);
        world.follow_by_hand(FOLLOWER, RENAMED, ALIAS, "logs");
        let [by_hand, ordinary, following] = [(); 3].map(|()| RefCell::default());
        Self {
            world,
            by_hand,
            ordinary,
            following,
            wishes: RefCell::default(),
            is_disturbed: Cell::new(false),
        }
    }

    fn text(name: &str, pattern: &str, settings: &Value) -> String {
        format!("rule {ALIAS}:{name} for {pattern} {:?}", settings.as_object().unwrap())
    }

    fn settings(wish: &Wish) -> Value {
        if wish.is_set { json!({ "index.number_of_replicas": "0" }) } else { json!({}) }
    }

    fn rule(&self, name: usize) -> Option<String> {
        let start = format!("rule {ALIAS}:{} for ", NAMES[name]);
        self.world.rules(FOLLOWER).into_iter().find(|rule| rule.starts_with(&start))
    }

    fn has_index(&self, host: &str, index: usize) -> bool {
        self.world.indexes(host).iter().any(|name| name == INDEXES[index])
    }

    fn is_wanted(&self, name: usize) -> bool {
        self.wishes.borrow().iter().any(|wish| wish.name == name)
    }

    fn matches(pattern: usize, index: usize) -> bool {
        INDEXES[index].starts_with(PATTERNS[pattern].trim_end_matches('*'))
    }
}

impl Plot for Rules {
    type Wish = Wish;
    type Deed = Deed;

    const KIND: &'static str = REPLICATION_RULE;

    fn world(&self) -> &World {
        &self.world
    }

    fn properties(&self, wish: &Wish) -> Value {
        let mut properties = replication_rule();
        properties["Name"] = NAMES[wish.name].into();
        properties["Pattern"] = PATTERNS[wish.pattern].into();
        properties["Settings"] = Self::settings(wish);
        properties["WhenDeleted"] = if wish.stops { "Stop" } else { "Keep" }.into();
        properties["WaitFor"] = "Syncing".into();
        if wish.is_refused {
            properties["FollowerRole"] = "nobodys".into();
        }
        if !wish.sees_leader {
            properties["LeaderEndpoint"] = "".into();
            properties["LeaderRegion"] = "".into();
        }
        properties
    }

    fn is_in_place(&self, old: &Wish, new: &Wish) -> bool {
        old.name == new.name
    }

    fn wished(&self, wish: &Wish) {
        self.wishes.borrow_mut().push(wish.clone());
    }

    async fn do_by_hand(&self, deed: &Deed, is_meanwhile: bool) {
        match *deed {
            Deed::Rule(name) => {
                // Whose a name is that the stack has or is about to have, nobody can say.
                if self.rule(name).is_none() && !self.is_wanted(name) {
                    self.world.rule_by_hand(FOLLOWER, ALIAS, NAMES[name], "their-*");
                    self.by_hand.borrow_mut().insert(name);
                }
            }
            Deed::Unrule(name) => {
                self.world.delete_rule_by_hand(FOLLOWER, ALIAS, NAMES[name]);
                self.by_hand.borrow_mut().remove(&name);
                self.is_disturbed.set(true);
            }
            Deed::Kill(name) if self.is_wanted(name) && !self.by_hand.borrow().contains(&name) => {
                self.world.kill_rule(FOLLOWER, ALIAS, NAMES[name]);
                self.is_disturbed.set(true);
            }
            Deed::Kill(_) => (),
            Deed::Make(index) => {
                if !self.has_index(FOLLOWER, index) {
                    self.world.write_documents(FOLLOWER, INDEXES[index], &[("theirs", 1)]);
                    self.ordinary.borrow_mut().insert(index);
                    self.is_disturbed.set(true);
                }
            }
            Deed::Delete(index) => {
                self.world.stop_by_hand(FOLLOWER, INDEXES[index]);
                self.world.delete_index(FOLLOWER, INDEXES[index]);
                self.ordinary.borrow_mut().remove(&index);
                self.following.borrow_mut().remove(&index);
                self.is_disturbed.set(true);
            }
            Deed::Stop(index) => {
                self.world.stop_by_hand(FOLLOWER, INDEXES[index]);
                self.following.borrow_mut().remove(&index);
                self.is_disturbed.set(true);
            }
            Deed::Pause(index) => {
                self.world.pause_by_hand(FOLLOWER, INDEXES[index]);
                self.is_disturbed.set(true);
            }
            Deed::Grow(index) => {
                // One that comes between the look and the answer is followed half a minute later.
                if !is_meanwhile {
                    self.world.write_documents(LEADER, INDEXES[index], &[("x", 1)]);
                }
            }
            Deed::Down(seconds) => {
                self.world.set_cluster_down(LEADER, true);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.world.set_cluster_down(LEADER, false);
            }
            Deed::Part(seconds) => {
                self.world.part_clusters(FOLLOWER, ALIAS);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.world.connect_clusters(FOLLOWER, ALIAS, LEADER);
                // The plugin pauses by itself what it cannot follow.
                self.is_disturbed.set(true);
            }
        }
    }

    fn settled(&self, wish: &Wish, is_calm: bool) {
        *self.wishes.borrow_mut() = vec![wish.clone()];
        if is_calm {
            if wish.sees_leader {
                self.is_disturbed.set(false);
                for index in (0..INDEXES.len()).filter(|index| Self::matches(wish.pattern, *index)) {
                    assert!(
                        !self.has_index(LEADER, index) || self.world.follows(FOLLOWER, INDEXES[index]),
                        "the answer is not true: {}",
                        INDEXES[index]
                    );
                }
            }
            assert!(self.rule(wish.name).is_some(), "the answer is not true");
        }
    }

    fn going(&self, wish: &Wish, _is_calm: bool) {
        if wish.stops {
            let wishes = self.wishes.borrow();
            // What another rule of the stack is about goes on.
            let goes_on = |index: usize| {
                let is_there = |other: &&Wish| other.name != wish.name && self.rule(other.name).is_some();
                wishes.iter().filter(is_there).any(|other| Self::matches(other.pattern, index))
            };
            self.following
                .borrow_mut()
                .retain(|index| !Self::matches(wish.pattern, *index) || goes_on(*index));
        }
    }

    fn is_by_others(&self, wish: &Wish, _reason: &str) -> bool {
        self.is_disturbed.get() || !self.ordinary.borrow().is_empty() || wish.is_refused
    }

    fn check(&self, has: Option<(&str, &Wish)>) {
        *self.wishes.borrow_mut() = has.map(|(_, wish)| wish.clone()).into_iter().collect();
        assert_eq!(
            self.world.claims_left().len(),
            usize::from(has.is_some()),
            "{:?}",
            self.world.claims_left()
        );
        for (name, called) in NAMES.into_iter().enumerate() {
            let rule = self.rule(name);
            let wish = has.map(|(_, wish)| wish).filter(|wish| wish.name == name);
            if self.by_hand.borrow().contains(&name) {
                let expected = Self::text(called, "their-*", &json!({}));
                assert_eq!(rule, Some(expected), "`{called}` is somebody's");
            } else if let Some(wish) = wish {
                if !self.is_disturbed.get() {
                    let expected = Self::text(called, PATTERNS[wish.pattern], &Self::settings(wish));
                    assert_eq!(rule, Some(expected), "`{called}`");
                }
            } else {
                assert_eq!(rule, None, "`{called}` is left");
            }
        }
        assert!(self.world.follows(FOLLOWER, RENAMED), "what no rule can have made goes on");
        for (index, called) in INDEXES.into_iter().enumerate() {
            let follows = self.world.follows(FOLLOWER, called);
            if self.ordinary.borrow().contains(&index) {
                let documents = self.world.documents(FOLLOWER, called);
                assert!(!follows && documents.contains_key("theirs"), "`{called}` is somebody's");
            }
            let followed = self.following.borrow().contains(&index);
            assert!(follows || !followed, "`{called}` does not follow any more");
            if follows {
                self.following.borrow_mut().insert(index);
            }
        }
    }
}

fn deed() -> BoxedStrategy<Deed> {
    let (name, index) = (|| 0..NAMES.len(), || 0..INDEXES.len());
    prop_oneof![
        name().prop_map(Deed::Rule),
        name().prop_map(Deed::Unrule),
        name().prop_map(Deed::Kill),
        index().prop_map(Deed::Make),
        index().prop_map(Deed::Delete),
        index().prop_map(Deed::Stop),
        index().prop_map(Deed::Pause),
        index().prop_map(Deed::Grow),
        (1..600_u64).prop_map(Deed::Down),
        (1..600_u64).prop_map(Deed::Part),
    ]
    .boxed()
}

fn wish() -> BoxedStrategy<Wish> {
    let flag = prop::bool::weighted;
    (0..NAMES.len(), 0..PATTERNS.len(), flag(0.3), flag(0.15), flag(0.5), flag(0.8))
        .prop_map(|(name, pattern, is_set, is_refused, stops, sees_leader)| Wish {
            name,
            pattern,
            is_set,
            is_refused,
            stops,
            sees_leader,
        })
        .boxed()
}

fn step() -> impl Strategy<Value = Step> {
    history::step(wish(), deed(), &history::trouble_with(deed()))
}

fn run(history: Vec<Step>) {
    history::live(Rules::new, history);
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn any_history_keeps_the_promises(history in prop::collection::vec(step(), 1..12)) {
        run(history);
    }
}

// ---- Found by the histories above --------------------------------------------------------------------------------------

const PLAIN: Wish =
    Wish { name: 0, pattern: 0, is_set: false, is_refused: false, stops: true, sees_leader: true };

/// The Delete of the rule that was replaced stopped all that its successor was to keep following.
#[test]
fn regression_a_rule_that_gets_another_name_goes_on_with_what_followed() {
    let renamed = Step::Update(Wish { name: 1, ..PLAIN }, Trouble::None);
    let kept = Step::Update(Wish { name: 1, stops: false, ..PLAIN }, Trouble::None);
    run(vec![Step::ByHand(Deed::Grow(2)), Step::Create(PLAIN, Trouble::None), renamed]);
    run(vec![Step::ByHand(Deed::Grow(2)), Step::Create(PLAIN, Trouble::None), kept]);
}

/// The Update back made the rule anew, could not make everything follow, and took back what had been there before.
#[test]
fn regression_an_update_back_that_fails_leaves_the_rule_that_was_there() {
    let renamed = Wish { name: 1, pattern: 1, ..PLAIN };
    run(vec![
        Step::ByHand(Deed::Grow(2)),
        Step::Create(Wish { stops: false, ..PLAIN }, Trouble::None),
        Step::ByHand(Deed::Stop(2)),
        Step::Update(renamed, Trouble::None),
    ]);
}

/// The request had noted that it asks for a rule, and was refused: its Delete removed somebody else's of that name.
#[tokio::test(start_paused = true)]
async fn regression_a_rule_that_comes_between_the_look_and_the_request_stays() {
    for moment in (0..600).step_by(25) {
        let bench = Bench::in_world(world());
        let somebody = async {
            tokio::time::sleep(Duration::from_millis(moment)).await;
            bench.world.rule_by_hand(FOLLOWER, ALIAS, "all-logs", "their-*");
        };
        let event = create(REPLICATION_RULE, &replication_rule());
        let (answer, ()) = tokio::join!(Box::pin(bench.answer(&event)), somebody);
        if answer["Status"] == "FAILED" {
            let id = answer["PhysicalResourceId"].as_str().unwrap();
            Box::pin(bench.success(&delete(REPLICATION_RULE, id, &replication_rule()))).await;
            assert_eq!(bench.world.rules(FOLLOWER).len(), 1, "a rule made after {moment} ms");
        }
    }
}
