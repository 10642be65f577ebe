//! The decision: what to change in a role's mapping, and how, so that nobody else's entry is lost. No effect.
//!
//! The security plugin's API writes a document on condition that nobody wrote it between its own read and its own
//! write (409 otherwise), but it knows no condition of ours: its JSON Patch has `add`, `remove` and `replace`, and no
//! `test`. So what is appended is appended (`/-`), and what is removed is removed by its place, after an operation that
//! fails when the list has become shorter than it was seen. Only into a list that was seen empty, or a mapping that
//! was not there, is a whole list written: then it is looked again a little later.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

/// A list of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    /// Roles as the caller brings them: the ARN of an IAM role.
    BackendRoles,
    /// Names of users: the ARN of an IAM user, or an internal user.
    Users,
    /// Hosts that calls come from.
    Hosts,
}

impl List {
    pub(crate) const ALL: [Self; 3] = [Self::BackendRoles, Self::Users, Self::Hosts];

    /// As the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BackendRoles => "backend_roles",
            Self::Users => "users",
            Self::Hosts => "hosts",
        }
    }
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) list: List,
    pub(crate) name: String,
}

/// As a claim records it.
impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.list.name(), self.name)
    }
}

impl Entry {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (list, name) = text.split_once(' ')?;
        let list = List::ALL.into_iter().find(|known| known.name() == list)?;
        Some(Self { list, name: name.to_owned() })
    }
}

/// A role's mapping as the domain shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// In the domain's order, which is part of how an entry is removed.
    pub(crate) entries: Vec<Entry>,
    pub(crate) is_reserved: bool,
}

impl Mapping {
    fn names(&self, list: List) -> Vec<&str> {
        self.entries.iter().filter(|entry| entry.list == list).map(|entry| entry.name.as_str()).collect()
    }

    pub(crate) fn has(&self, entry: &Entry) -> bool {
        self.entries.contains(entry)
    }
}

/// What shall change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) add: BTreeSet<Entry>,
    pub(crate) remove: BTreeSet<Entry>,
    /// Ours that are there more than once, because two deliveries added them at the same time.
    pub(crate) once: BTreeSet<Entry>,
}

impl Change {
    /// From what is, what shall be there, and what is there because of us.
    pub(crate) fn between(
        mapping: Option<&Mapping>,
        wanted: &BTreeSet<Entry>,
        ours: &BTreeSet<Entry>,
    ) -> Self {
        let has = |entry: &&Entry| mapping.is_some_and(|mapping| mapping.has(entry));
        let is_twice = |entry: &&Entry| {
            let seen = mapping.into_iter().flat_map(|mapping| &mapping.entries);
            seen.filter(|known| known == entry).count() > 1
        };
        Self {
            add: wanted.iter().filter(|entry| !has(entry)).cloned().collect(),
            remove: ours.difference(wanted).filter(has).cloned().collect(),
            once: ours.intersection(wanted).filter(is_twice).cloned().collect(),
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty() && self.once.is_empty()
    }

    /// The operations of the JSON Patch, and whether they write a whole list.
    pub(crate) fn patch(&self, role: &str, mapping: Option<&Mapping>) -> (Vec<Value>, bool) {
        let path = format!("/{}", role.replace('~', "~0").replace('/', "~1"));
        let added = |list: List| -> Vec<&str> {
            self.add.iter().filter(|entry| entry.list == list).map(|entry| entry.name.as_str()).collect()
        };
        let Some(mapping) = mapping else {
            // Every list is given: one that is left out cannot be appended to later.
            let lists: serde_json::Map<_, _> =
                List::ALL.into_iter().map(|list| (list.name().to_owned(), json!(added(list)))).collect();
            return (vec![json!({ "op": "add", "path": path, "value": lists })], true);
        };
        let (mut operations, mut is_whole) = (Vec::new(), false);
        for list in List::ALL {
            let (seen, added, path) = (mapping.names(list), added(list), format!("{path}/{}", list.name()));
            let is_going = |place: usize, name: &str| {
                let entry = Entry { list, name: name.to_owned() };
                let is_again = || seen.iter().take(place).any(|before| *before == name);
                self.remove.contains(&entry) || (self.once.contains(&entry) && is_again())
            };
            let all = seen.iter().enumerate();
            let going: Vec<_> =
                all.filter(|(place, name)| is_going(*place, name)).map(|(place, _)| place).collect();
            if let Some(first) = going.first().and_then(|place| seen.get(*place)) {
                let end = format!("{path}/{}", seen.len());
                operations.push(json!({ "op": "add", "path": end, "value": first }));
                operations.push(json!({ "op": "remove", "path": end }));
            }
            // From the end, so that the places before stay what they are.
            operations.extend(
                going.iter().rev().map(|place| json!({ "op": "remove", "path": format!("{path}/{place}") })),
            );
            if seen.is_empty() && !added.is_empty() {
                is_whole = true;
                operations.push(json!({ "op": "add", "path": path, "value": added }));
            } else {
                let append = |name| json!({ "op": "add", "path": format!("{path}/-"), "value": name });
                operations.extend(added.into_iter().map(append));
            }
        }
        (operations, is_whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Entry {
        Entry { list: List::BackendRoles, name: name.to_owned() }
    }

    fn set(names: &[&str]) -> BTreeSet<Entry> {
        names.iter().map(|name| role(name)).collect()
    }

    fn mapping(names: &[&str]) -> Mapping {
        Mapping { entries: names.iter().map(|name| role(name)).collect(), is_reserved: false }
    }

    #[test]
    fn what_is_missing_is_added_and_only_what_is_ours_is_removed() {
        // (seen, wanted, ours, added, removed)
        for (seen, wanted, ours, add, remove) in [
            (&["a"][..], &["b"][..], &[][..], &["b"][..], &[][..]),
            (&["a", "b"], &["b"], &[], &[], &[]),
            (&["a", "b"], &["b"], &["b"], &[], &[]),
            (&["a", "b"], &["c"], &["b"], &["c"], &["b"]),
            (&["a", "b"], &[], &["b"], &[], &["b"]),
            (&["a", "b"], &[], &[], &[], &[]),
            // Somebody removed ours already.
            (&["a"], &[], &["b"], &[], &[]),
            (&["a"], &["b"], &["b"], &["b"], &[]),
        ] {
            let change = Change::between(Some(&mapping(seen)), &set(wanted), &set(ours));
            assert_eq!(
                change,
                Change { add: set(add), remove: set(remove), once: set(&[]) },
                "{seen:?} {wanted:?} {ours:?}"
            );
        }
        assert_eq!(Change::between(None, &set(&["a"]), &set(&[])).add, set(&["a"]));
        assert!(Change::between(None, &set(&[]), &set(&["a"])).is_nothing());
    }

    #[track_caller]
    fn check(seen: Option<&Mapping>, add: &[&str], remove: &[&str], expected: &Value, is_whole: bool) {
        let change = Change { add: set(add), remove: set(remove), once: set(&[]) };
        assert_eq!(change.patch("a/b", seen), (expected.as_array().unwrap().clone(), is_whole));
    }

    #[test]
    fn a_mapping_that_is_not_there_is_made_with_every_list() {
        let lists = json!({ "backend_roles": ["x"], "users": [], "hosts": [] });
        check(None, &["x"], &[], &json!([{ "op": "add", "path": "/a~1b", "value": lists }]), true);
    }

    #[test]
    fn an_entry_is_appended_and_only_an_empty_list_is_written_as_a_whole() {
        check(
            Some(&mapping(&["x"])),
            &["y", "z"],
            &[],
            &json!([
                { "op": "add", "path": "/a~1b/backend_roles/-", "value": "y" },
                { "op": "add", "path": "/a~1b/backend_roles/-", "value": "z" },
            ]),
            false,
        );
        check(
            Some(&mapping(&[])),
            &["y"],
            &[],
            &json!([{ "op": "add", "path": "/a~1b/backend_roles", "value": ["y"] }]),
            true,
        );
    }

    #[test]
    fn an_entry_is_removed_by_its_place_unless_the_list_became_shorter() {
        check(
            Some(&mapping(&["x", "y", "x"])),
            &["z"],
            &["x"],
            &json!([
                { "op": "add", "path": "/a~1b/backend_roles/3", "value": "x" },
                { "op": "remove", "path": "/a~1b/backend_roles/3" },
                { "op": "remove", "path": "/a~1b/backend_roles/2" },
                { "op": "remove", "path": "/a~1b/backend_roles/0" },
                { "op": "add", "path": "/a~1b/backend_roles/-", "value": "z" },
            ]),
            false,
        );
    }

    #[test]
    fn what_two_deliveries_added_at_the_same_time_stays_once() {
        let (seen, wanted) = (mapping(&["x", "a", "x", "a"]), set(&["a"]));
        let change = Change::between(Some(&seen), &wanted, &set(&["a"]));
        let expected = json!([
            { "op": "add", "path": "/r/backend_roles/4", "value": "a" },
            { "op": "remove", "path": "/r/backend_roles/4" },
            { "op": "remove", "path": "/r/backend_roles/3" },
        ]);
        assert_eq!(change.patch("r", Some(&seen)), (expected.as_array().unwrap().clone(), false));
        assert!(
            Change::between(Some(&seen), &wanted, &set(&[])).is_nothing(),
            "what is not ours stays as it is"
        );
    }

    #[test]
    fn an_entry_is_recorded_and_read_again() {
        let entry = Entry { list: List::Users, name: "somebody with a blank".to_owned() };
        assert_eq!(Entry::parse(&entry.to_string()), Some(entry));
        assert_eq!(Entry::parse("nonsense"), None);
    }
}
