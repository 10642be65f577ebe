//! Random histories of a `Custom::RoleMapping` beside administrators who edit the same mappings: what they gave and took
//! is theirs, and what the stack wants is there exactly once (see `support/history.rs`).

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

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use cloud::fake::World;
use proptest::prelude::*;
use serde_json::{Value, json};

use custom_resource::testing::{create, update};
use data::{FOLLOWER, FOLLOWER_ROLE, LEADER_ROLE, REPLICATOR, ROLE_MAPPING, role_mapping, world};
use support::Bench;
use support::history::{self, Plot, config};

/// The last one does not exist: an update to it fails and is rolled back.
const ROLES: [&str; 3] = [FOLLOWER_ROLE, LEADER_ROLE, "nobodys"];
/// What a stack may want, as list and name.
const WANTED: [(&str, &str); 4] =
    [("backend_roles", "arn:a"), ("backend_roles", "arn:b"), ("users", "a"), ("hosts", "10.0.0.1")];
/// What only people give.
const OTHERS: [(&str, &str); 4] =
    [("backend_roles", "arn:x"), ("backend_roles", "arn:y"), ("users", "x"), ("users", "y")];

/// A role, and which of [`WANTED`].
#[derive(Clone, Debug, PartialEq)]
struct Wish {
    role: usize,
    entries: Vec<usize>,
}

impl Wish {
    fn wants(&self, role: usize, entry: Entry) -> bool {
        self.role == role && self.entries.iter().any(|wanted| WANTED[*wanted] == entry)
    }
}

type Entry = (&'static str, &'static str);
type Step = history::Step<Wish, Deed>;
type Trouble = history::Trouble<Deed>;

/// What an administrator does to a role's mapping: he reads a list, merges his change and writes the list, so many
/// milliseconds later.
#[derive(Clone, Copy, Debug)]
struct Deed {
    role: usize,
    change: Change,
    takes: u64,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Give(Entry),
    Take(Entry),
}

struct Mappings {
    world: World,
    /// What people gave and did not take since, or had before.
    theirs: RefCell<BTreeSet<(usize, Entry)>>,
    /// What people took although the stack wants it.
    taken: RefCell<BTreeSet<(usize, Entry)>>,
    /// What the stack wants, or is about to want.
    wishes: RefCell<Vec<Wish>>,
}

impl Mappings {
    /// Where the roles have no mapping, or one in which every list has an entry of somebody else.
    fn new(is_mapped: bool) -> Self {
        let world = world();
        let mut theirs = BTreeSet::new();
        if is_mapped {
            for list in ["backend_roles", "users", "hosts"] {
                world.map_by_hand(FOLLOWER, FOLLOWER_ROLE, list, "admin");
                theirs.insert((0, (list, "admin")));
            }
        }
        let [theirs, taken] = [theirs, BTreeSet::new()].map(RefCell::new);
        Self { world, theirs, taken, wishes: RefCell::default() }
    }

    fn has(&self, role: usize, (list, name): Entry) -> bool {
        self.world.mapped(FOLLOWER, ROLES[role], list).iter().any(|entry| entry == name)
    }

    fn is_wanted(&self, role: usize, entry: Entry) -> bool {
        self.wishes.borrow().iter().any(|wish| wish.wants(role, entry))
    }
}

impl Plot for Mappings {
    type Wish = Wish;
    type Deed = Deed;

    const KIND: &'static str = ROLE_MAPPING;

    fn world(&self) -> &World {
        &self.world
    }

    fn properties(&self, wish: &Wish) -> Value {
        let names = |list: &str| -> Vec<&str> {
            let wanted = wish.entries.iter().map(|entry| WANTED[*entry]);
            wanted.filter(|(of, _)| *of == list).map(|(_, name)| name).collect()
        };
        let mut properties = role_mapping();
        properties["Role"] = ROLES[wish.role].into();
        for (property, list) in [("BackendRoles", "backend_roles"), ("Users", "users"), ("Hosts", "hosts")] {
            properties[property] = json!(names(list));
        }
        properties
    }

    fn is_in_place(&self, old: &Wish, new: &Wish) -> bool {
        old.role == new.role
    }

    fn wished(&self, wish: &Wish) {
        self.wishes.borrow_mut().push(wish.clone());
    }

    async fn do_by_hand(&self, deed: &Deed, is_meanwhile: bool) {
        let (Change::Give(entry) | Change::Take(entry)) = deed.change;
        let (list, name) = entry;
        let mut read = self.world.mapped(FOLLOWER, ROLES[deed.role], list);
        // A list that somebody else sees empty is written as a whole, and by us too: see `plan.rs`.
        if is_meanwhile && !read.iter().any(|entry| entry == "admin") {
            return;
        }
        let is_there = read.iter().any(|entry| entry == name);
        match deed.change {
            // What the stack has given already, or is about to give, is nobody's to give.
            Change::Give(_) if is_there || self.is_wanted(deed.role, entry) => return,
            Change::Give(_) => {
                read.push(name.to_owned());
                self.theirs.borrow_mut().insert((deed.role, entry));
            }
            Change::Take(_) if !is_there => return,
            Change::Take(_) => {
                read.retain(|known| known != name);
                self.theirs.borrow_mut().remove(&(deed.role, entry));
                self.taken.borrow_mut().insert((deed.role, entry));
            }
        }
        tokio::time::sleep(Duration::from_millis(deed.takes)).await;
        self.world.write_mapping_by_hand(FOLLOWER, ROLES[deed.role], list, &read);
    }

    fn settled(&self, wish: &Wish, is_calm: bool) {
        *self.wishes.borrow_mut() = vec![wish.clone()];
        if is_calm {
            self.taken.borrow_mut().clear();
            for entry in &wish.entries {
                assert!(self.has(wish.role, WANTED[*entry]), "the answer is not true: {:?}", WANTED[*entry]);
            }
        }
    }

    fn going(&self, _wish: &Wish, _is_calm: bool) {}

    fn is_by_others(&self, _wish: &Wish, _reason: &str) -> bool {
        false
    }

    fn check(&self, has: Option<(&str, &Wish)>) {
        *self.wishes.borrow_mut() = has.map(|(_, wish)| wish.clone()).into_iter().collect();
        assert_eq!(self.world.claims_left().len(), usize::from(has.is_some()));
        for (place, role) in ROLES.into_iter().enumerate() {
            for list in ["backend_roles", "users", "hosts"] {
                let seen = self.world.mapped(FOLLOWER, role, list);
                let mut once = seen.clone();
                once.sort();
                once.dedup();
                assert_eq!(once.len(), seen.len(), "{list} of {role} has something twice: {seen:?}");
            }
            for entry in OTHERS.into_iter().chain(WANTED) {
                let is_theirs = self.theirs.borrow().contains(&(place, entry));
                let is_wanted = self.is_wanted(place, entry);
                let may_lack = self.taken.borrow().contains(&(place, entry));
                if is_theirs || (is_wanted && !may_lack) {
                    assert!(self.has(place, entry), "{entry:?} of {role} is lost");
                } else if !is_wanted {
                    assert!(!self.has(place, entry), "{entry:?} of {role} is left");
                }
            }
        }
    }
}

fn deed(roles: std::ops::Range<usize>) -> BoxedStrategy<Deed> {
    let entry = prop::sample::select([&OTHERS[..], &WANTED[..]].concat());
    let change = prop_oneof![entry.clone().prop_map(Change::Give), entry.prop_map(Change::Take)];
    // Whoever takes longer than a second overwrites what was changed meanwhile, by us or by anybody.
    (roles, change, 0..900_u64).prop_map(|(role, change, takes)| Deed { role, change, takes }).boxed()
}

fn wish() -> BoxedStrategy<Wish> {
    let role = prop_oneof![4 => Just(0), 2 => Just(1), 1 => Just(2_usize)];
    (role, prop::sample::subsequence((0..WANTED.len()).collect::<Vec<_>>(), 1..=3))
        .prop_map(|(role, entries)| Wish { role, entries })
        .boxed()
}

fn step() -> impl Strategy<Value = Step> {
    history::step(wish(), deed(0..2), &history::trouble_with(deed(0..1)))
}

fn run(is_mapped: bool, history: Vec<Step>) {
    history::live(|| Mappings::new(is_mapped), history);
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn any_history_keeps_everybodys_entries(is_mapped: bool, history in prop::collection::vec(step(), 1..12)) {
        run(is_mapped, history);
    }
}

// ---- Found by the histories above --------------------------------------------------------------------------------------

/// Two deliveries had appended the entry at the same time, and it was there twice.
#[tokio::test(start_paused = true)]
async fn regression_what_is_there_twice_because_of_us_is_there_once_after_the_next_look() {
    let bench = Bench::in_world(world());
    let made = bench.success(&create(ROLE_MAPPING, &role_mapping())).await;
    bench.world.map_by_hand(FOLLOWER, FOLLOWER_ROLE, "backend_roles", "theirs");
    bench.world.map_by_hand(FOLLOWER, FOLLOWER_ROLE, "backend_roles", REPLICATOR);
    let id = made["PhysicalResourceId"].as_str().unwrap();
    bench.success(&update(ROLE_MAPPING, id, &role_mapping(), &role_mapping())).await;
    assert_eq!(bench.world.mapped(FOLLOWER, FOLLOWER_ROLE, "backend_roles"), [REPLICATOR, "theirs"]);
}
