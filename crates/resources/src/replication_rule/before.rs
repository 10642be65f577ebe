//! What followed before a rule could have made it follow: when the rule goes and stops what it brought, that goes on.

use cloud::Search;

use super::spec::Spec;
use crate::domain::Problem;
use crate::replication::{Plugin, Source, overlap};

/// What a claim records of it, with commas between the names.
const BEFORE: &str = "followed before: ";
/// Instead of more names than a claim has room for.
const TOO_MANY: &str = "*";
/// How many bytes of names a claim keeps.
const ROOM: usize = 500;
/// What it records of every pattern that the rule had lately: what matches one of them may have come by it.
const HAD: &str = "had the pattern ";
/// How many of these: an Update, and the Update back.
const LATELY: usize = 2;

/// What matches the rule's pattern and follows already, except what a pattern that the rule had may have brought, or
/// another rule.
pub(super) async fn look<S: Search>(
    plugin: &Plugin<'_, S>,
    spec: &Spec,
    parts: &[String],
) -> Result<Vec<String>, Problem> {
    let mut patterns = plugin.other_patterns(&spec.name).await?;
    patterns.extend(parts.iter().filter_map(|part| part.strip_prefix(HAD)).map(str::to_owned));
    let mut names = Vec::new();
    for index in plugin.matching(&spec.naming.of(&spec.pattern)).await? {
        let source = match plugin.followed(&index).await {
            // It may follow.
            Err(problem) if problem.is_forbidden() => {
                names.push(index);
                continue;
            }
            source => source?,
        };
        let is_older = |source: &Source| {
            let is_known = patterns.iter().any(|pattern| overlap(pattern, &source.index));
            spec.would_bring(source, &index) && !is_known
        };
        if source.as_ref().is_some_and(is_older) {
            names.push(index);
        }
    }
    Ok(names)
}

/// The records, with these names and the pattern in them too.
pub(super) fn recorded(parts: &[String], names: Vec<String>, pattern: &str) -> Vec<String> {
    let pattern = format!("{HAD}{pattern}");
    let mut had: Vec<_> = parts.iter().filter(|part| part.starts_with(HAD) && **part != pattern).collect();
    had.drain(..had.len().saturating_sub(LATELY - 1));
    had.into_iter().cloned().chain([pattern]).chain(joined(parts, names)).collect()
}

/// The record of names, with these in it too.
fn joined(parts: &[String], names: Vec<String>) -> Option<String> {
    let mut all = read(parts);
    all.extend(names);
    all.sort();
    all.dedup();
    let text = all.join(",");
    let text = if text.len() > ROOM { TOO_MANY } else { &text };
    (!text.is_empty()).then(|| format!("{BEFORE}{text}"))
}

/// Whether a claim's records name an index, or name so many that nobody knows.
pub(super) fn is_recorded(parts: &[String], index: &str) -> bool {
    read(parts).iter().any(|name| name == index || name == TOO_MANY)
}

fn read(parts: &[String]) -> Vec<String> {
    let texts = parts.iter().filter_map(|part| part.strip_prefix(BEFORE));
    texts.flat_map(|text| text.split(',')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recorded_once_and_too_many_as_all() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(joined(&[], Vec::new()), None);
        let first = joined(&[], names(&["b", "a"])).unwrap();
        let parts = ["something else".to_owned(), first];
        let second = joined(&parts, names(&["a", "c"])).unwrap();
        assert_eq!(second, "followed before: a,b,c");
        let parts = [second];
        assert!(is_recorded(&parts, "b") && !is_recorded(&parts, "d") && !is_recorded(&[], "b"));

        let many = joined(&parts, (0..500).map(|n| format!("index-{n}")).collect()).unwrap();
        let parts = [many];
        assert!(is_recorded(&parts, "anything"));
        assert!(is_recorded(&[joined(&parts, names(&["a"])).unwrap()], "anything"), "once too many, always");
    }

    #[test]
    fn the_latest_patterns_are_recorded_once() {
        let mut parts = vec!["a definition".to_owned(), "followed before: x".to_owned()];
        for pattern in ["a", "b", "a", "c", "d"] {
            parts = recorded(&parts, Vec::new(), pattern);
        }
        let expected = ["had the pattern c", "had the pattern d", "followed before: x"];
        assert_eq!(parts, expected);
    }
}
