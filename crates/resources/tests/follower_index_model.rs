//! Random histories of a `Custom::FollowerIndex` beside people who pause, stop, delete and make indexes, a leader that is
//! down for a while and a connection that parts (see `support/history.rs`).

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
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cloud::Code;
use cloud::fake::{Fault, World};
use proptest::prelude::*;
use serde_json::{Value, json};

use data::{ALIAS, FOLLOWER, FOLLOWER_INDEX, LEADER, follower_index, world};
use support::history::{self, Plot, config};

const INDEXES: [&str; 2] = ["logs", "copy"];
/// The last one does not exist: an update to it fails and is rolled back.
const LEADER_INDEXES: [&str; 3] = ["logs", "other", "nothing"];
/// The last one is none of an index.
const SETTINGS: [&str; 3] = ["", "index.number_of_replicas", "index.nonsense"];

#[derive(Clone, Debug, PartialEq)]
struct Wish {
    index: usize,
    leader_index: usize,
    setting: usize,
    is_deleted: bool,
    may_reseed: bool,
}

type Step = history::Step<Wish, Deed>;
type Trouble = history::Trouble<Deed>;

/// What people do, and what happens to the domains.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Somebody pauses an index that follows.
    Pause(usize),
    /// Somebody stops an index from following, and writes to it.
    Stop(usize),
    /// Somebody deletes an index, which he stops before.
    Delete(usize),
    /// Somebody makes an ordinary index where there is none.
    Make(usize),
    /// Somebody makes an index follow where there is none.
    Follow(usize, usize),
    /// The leader is down for so many seconds.
    Down(u64),
    /// The connection is gone for so many seconds.
    Part(u64),
}

struct Indexes {
    world: World,
    /// Ordinary indexes that are people's.
    ordinary: RefCell<BTreeSet<usize>>,
    /// Indexes that people made follow, and which leader index.
    followers: RefCell<BTreeMap<usize, usize>>,
    /// Some of these that a Create may have taken over.
    may_be_ours: RefCell<BTreeSet<usize>>,
    /// Made to follow by people as the stack wants it, but for the settings, which nobody can see.
    by_hand: RefCell<BTreeSet<usize>>,
    /// Copies of ours that follow no more and may still be there.
    may_remain: RefCell<BTreeSet<usize>>,
    /// What the stack wants, or is about to want.
    wishes: RefCell<Vec<Wish>>,
    /// People did something to what the stack has, and no request was since.
    is_disturbed: Cell<bool>,
    /// An Update back has failed: what the stack has may follow either.
    is_unsure: Cell<bool>,
}

impl Indexes {
    fn new() -> Self {
        let world = world();
        world.write_documents(LEADER, "other", &[("x", 1)]);
        Self {
            world,
            ordinary: RefCell::default(),
            followers: RefCell::default(),
            may_be_ours: RefCell::default(),
            by_hand: RefCell::default(),
            may_remain: RefCell::default(),
            wishes: RefCell::default(),
            is_disturbed: Cell::new(false),
            is_unsure: Cell::new(false),
        }
    }

    fn is_there(&self, index: usize) -> bool {
        self.world.follows(FOLLOWER, INDEXES[index])
            || self.world.indexes(FOLLOWER).iter().any(|name| name == INDEXES[index])
    }

    fn is_wanted(&self, index: usize) -> bool {
        self.wishes.borrow().iter().any(|wish| wish.index == index)
    }

    fn may_be_reseeded(&self, index: usize) -> bool {
        self.wishes.borrow().iter().any(|wish| wish.index == index && wish.may_reseed)
    }

    fn is_wanted_of(&self, index: usize, leader_index: usize) -> bool {
        let wishes = self.wishes.borrow();
        wishes.iter().any(|wish| wish.index == index && wish.leader_index == leader_index)
    }

    /// The line that tells how an index follows.
    fn line(&self, index: usize) -> Option<String> {
        let start = format!("{FOLLOWER}: {} follows ", INDEXES[index]);
        let text = self.world.clusters_text();
        text.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    }

    fn settings(wish: &Wish) -> Value {
        if wish.setting == 0 { json!({}) } else { json!({ SETTINGS[wish.setting]: "0" }) }
    }
}

impl Plot for Indexes {
    type Wish = Wish;
    type Deed = Deed;

    const KIND: &'static str = FOLLOWER_INDEX;

    fn world(&self) -> &World {
        &self.world
    }

    fn properties(&self, wish: &Wish) -> Value {
        let mut properties = follower_index();
        properties["FollowerIndex"] = INDEXES[wish.index].into();
        properties["LeaderIndex"] = LEADER_INDEXES[wish.leader_index].into();
        properties["Settings"] = Self::settings(wish);
        properties["WhenDeleted"] = if wish.is_deleted { "StopAndDelete" } else { "Stop" }.into();
        properties["ReseedWhenLost"] = wish.may_reseed.to_string().into();
        properties["WaitFor"] = "Syncing".into();
        properties
    }

    fn is_in_place(&self, old: &Wish, new: &Wish) -> bool {
        old.index == new.index
    }

    fn wished(&self, wish: &Wish) {
        // What has the name of one that the stack has goes where its copy is to be made anew.
        if wish.may_reseed && self.is_wanted(wish.index) && self.ordinary.borrow_mut().remove(&wish.index) {
            self.may_remain.borrow_mut().insert(wish.index);
        }
        self.wishes.borrow_mut().push(wish.clone());
    }

    async fn do_by_hand(&self, deed: &Deed, is_meanwhile: bool) {
        // Whose a name is that both take at the same moment, nobody can say.
        if let Deed::Make(index) | Deed::Follow(index, _) = *deed
            && (self.is_there(index) || (self.is_wanted(index) && (is_meanwhile || self.is_unsure.get())))
        {
            return;
        }
        match *deed {
            Deed::Pause(index) => {
                self.world.pause_by_hand(FOLLOWER, INDEXES[index]);
                self.is_disturbed.set(true);
            }
            Deed::Stop(index) if self.world.follows(FOLLOWER, INDEXES[index]) => {
                self.world.stop_by_hand(FOLLOWER, INDEXES[index]);
                let is_theirs = self.followers.borrow_mut().remove(&index).is_some();
                // Whether it was taken over a moment before, nobody can say; nor is it theirs where the stack may make its
                // copy anew.
                if is_theirs && !(is_meanwhile && self.is_wanted(index)) && !self.may_be_reseeded(index) {
                    self.ordinary.borrow_mut().insert(index);
                } else {
                    self.may_remain.borrow_mut().insert(index);
                }
                self.is_disturbed.set(true);
            }
            Deed::Delete(index) => {
                self.world.stop_by_hand(FOLLOWER, INDEXES[index]);
                self.world.delete_index(FOLLOWER, INDEXES[index]);
                self.followers.borrow_mut().remove(&index);
                self.ordinary.borrow_mut().remove(&index);
                self.may_remain.borrow_mut().remove(&index);
                self.is_disturbed.set(true);
            }
            Deed::Make(index) => {
                self.world.write_documents(FOLLOWER, INDEXES[index], &[("theirs", 1)]);
                // Where the stack has a right to the name, it may make its copy anew.
                if self.may_be_reseeded(index) {
                    self.may_remain.borrow_mut().insert(index);
                } else {
                    self.ordinary.borrow_mut().insert(index);
                }
                self.is_disturbed.set(true);
            }
            Deed::Follow(index, leader_index) => {
                self.world.follow_by_hand(FOLLOWER, INDEXES[index], ALIAS, LEADER_INDEXES[leader_index]);
                // What the stack wants to follow is taken for its own.
                if !self.is_wanted_of(index, leader_index) {
                    self.followers.borrow_mut().insert(index, leader_index);
                }
                self.by_hand.borrow_mut().insert(index);
                self.is_disturbed.set(true);
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
                self.is_disturbed.set(true);
            }
            Deed::Stop(_) => (),
        }
    }

    fn settled(&self, wish: &Wish, is_calm: bool) {
        *self.wishes.borrow_mut() = vec![wish.clone()];
        self.is_unsure.set(false);
        // What followed already was taken over.
        self.followers.borrow_mut().remove(&wish.index);
        if is_calm {
            self.is_disturbed.set(false);
            // What was in the way was made anew.
            self.may_remain.borrow_mut().remove(&wish.index);
        }
    }

    fn unheard(&self, wish: &Wish) {
        if self.followers.borrow().contains_key(&wish.index) {
            self.may_be_ours.borrow_mut().insert(wish.index);
        }
    }

    fn going(&self, wish: &Wish, is_calm: bool) {
        if !is_calm || self.is_disturbed.get() || !wish.is_deleted {
            self.may_remain.borrow_mut().insert(wish.index);
        }
    }

    fn is_by_others(&self, _wish: &Wish, _reason: &str) -> bool {
        self.is_unsure.set(true);
        self.is_disturbed.get()
    }

    fn check(&self, has: Option<(&str, &Wish)>) {
        *self.wishes.borrow_mut() = has.map(|(_, wish)| wish.clone()).into_iter().collect();
        assert_eq!(
            self.world.claims_left().len(),
            usize::from(has.is_some()),
            "{:?}",
            self.world.claims_left()
        );
        for (index, name) in INDEXES.into_iter().enumerate() {
            let line = self.line(index);
            if line.is_none() {
                self.by_hand.borrow_mut().remove(&index);
            }
            // What was taken over was let go of in its stack's way.
            if self.may_be_ours.borrow_mut().remove(&index) && line.is_none() {
                self.followers.borrow_mut().remove(&index);
                self.may_remain.borrow_mut().insert(index);
            }
            let documents = self.world.documents(FOLLOWER, name);
            let wish = has.map(|(_, wish)| wish).filter(|wish| wish.index == index);
            if self.ordinary.borrow().contains(&index) {
                assert!(self.is_there(index) && line.is_none(), "`{name}` is somebody's: {line:?}");
            } else if let Some(leader_index) = self.followers.borrow().get(&index) {
                let source = format!("{ALIAS}:{} ", LEADER_INDEXES[*leader_index]);
                assert!(line.as_ref().is_some_and(|line| line.starts_with(&source)), "`{name}`: {line:?}");
            } else if let Some(wish) = wish {
                if self.is_disturbed.get() {
                    continue;
                }
                let settings = Self::settings(wish);
                let source = LEADER_INDEXES[wish.leader_index];
                let shown = |settings: &Value| {
                    Some(format!("{ALIAS}:{source} {:?}, running", settings.as_object().unwrap()))
                };
                let is_plain = self.by_hand.borrow().contains(&index) && line == shown(&json!({}));
                if !is_plain {
                    assert_eq!(line, shown(&settings), "`{name}`");
                }
                assert_eq!(documents, self.world.documents(LEADER, source), "`{name}`");
            } else {
                assert_eq!(line, None, "`{name}` follows, and nobody wants it");
                let may_remain = self.may_remain.borrow().contains(&index);
                assert!(may_remain || !self.is_there(index), "`{name}` is left");
            }
        }
    }
}

fn deed() -> BoxedStrategy<Deed> {
    let index = || 0..INDEXES.len();
    prop_oneof![
        1 => index().prop_map(Deed::Pause),
        1 => index().prop_map(Deed::Stop),
        3 => index().prop_map(Deed::Delete),
        1 => index().prop_map(Deed::Make),
        1 => (index(), 0..2_usize).prop_map(|(index, leader)| Deed::Follow(index, leader)),
        1 => (1..600_u64).prop_map(Deed::Down),
        1 => (1..600_u64).prop_map(Deed::Part),
    ]
    .boxed()
}

fn wish() -> BoxedStrategy<Wish> {
    let leader_index = prop_oneof![4 => Just(0), 3 => Just(1), 1 => Just(2_usize)];
    let setting = prop_oneof![4 => Just(0), 3 => Just(1), 1 => Just(2_usize)];
    (0..INDEXES.len(), leader_index, setting, prop::bool::weighted(0.8), any::<bool>())
        .prop_map(|(index, leader_index, setting, is_deleted, may_reseed)| Wish {
            index,
            leader_index,
            setting,
            is_deleted,
            may_reseed,
        })
        .boxed()
}

fn step() -> impl Strategy<Value = Step> {
    history::step(wish(), deed(), &history::trouble_with(deed()))
}

fn run(history: Vec<Step>) {
    history::live(Indexes::new, history);
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn any_history_keeps_the_promises(history in prop::collection::vec(step(), 1..12)) {
        run(history);
    }
}

// ---- Found by the histories above --------------------------------------------------------------------------------------

const PLAIN: Wish = Wish { index: 0, leader_index: 0, setting: 0, is_deleted: false, may_reseed: false };

fn fails_at(nth: u32) -> Trouble {
    Trouble::Fault(nth, Fault::Fail(Code::AccessDenied))
}

/// It was noted as taken over before it was, and its Delete stopped it.
#[test]
fn regression_what_was_to_be_taken_over_stays_whose_it_is_when_the_create_fails() {
    for nth in 1..16 {
        run(vec![Step::ByHand(Deed::Follow(0, 0)), Step::Create(PLAIN, fails_at(nth))]);
    }
}

/// The request that was refused had not said that it is over, and the deletion stopped whatever had the name.
#[test]
fn regression_a_deletion_while_a_request_may_be_at_work_leaves_what_others_follow_alone() {
    for nth in 1..16 {
        let others = Step::ByHand(Deed::Follow(1, 1));
        let replaced = Step::Update(Wish { index: 1, ..PLAIN }, fails_at(nth));
        run(vec![others.clone(), Step::Create(PLAIN, Trouble::None), replaced]);
        run(vec![others, Step::Create(Wish { index: 1, ..PLAIN }, Trouble::Lost(nth))]);
    }
}

/// The connection was gone, so it looked as if nothing followed, and a start was noted that had been refused.
#[test]
fn regression_a_start_that_was_refused_for_want_of_a_connection_makes_nothing_ours() {
    // The start itself, refused by IAM.
    let refused = Trouble::Both(0, Deed::Part(9), 8, Fault::Fail(Code::AccessDenied));
    run(vec![Step::ByHand(Deed::Follow(0, 0)), Step::Create(PLAIN, refused)]);
    for moment in (0..2_000).step_by(25) {
        let replaced = Wish { index: 1, leader_index: 1, ..PLAIN };
        run(vec![
            Step::ByHand(Deed::Follow(1, 1)),
            Step::Create(PLAIN, Trouble::None),
            Step::Update(replaced, Trouble::Meanwhile(moment, Deed::Part(7))),
        ]);
    }
}

/// The settings were changed, and the claim still told the ones of before.
#[test]
fn regression_settings_that_were_changed_and_not_noted_are_changed_back() {
    for nth in 4..16 {
        for trouble in [fails_at(nth), Trouble::Crash(nth), Trouble::Lost(nth)] {
            run(vec![
                Step::Create(PLAIN, Trouble::None),
                Step::Update(Wish { setting: 1, ..PLAIN }, trouble),
            ]);
        }
    }
}

/// The properties of before said nothing of replacing the copy.
#[test]
fn regression_a_replaced_copy_is_replaced_again_when_the_update_is_rolled_back() {
    for nth in 8..40 {
        let elsewhere = Wish { leader_index: 1, may_reseed: true, ..PLAIN };
        run(vec![Step::Create(PLAIN, Trouble::None), Step::Update(elsewhere, fails_at(nth))]);
    }
}
