//! What identifies a document and its content in few bytes.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A document's id, hashed, and its content, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint {
    /// Of the id: it decides the bucket.
    pub(crate) id: u128,
    /// Of id, version and source together, so that two documents that swap their contents do not cancel out.
    pub(crate) content: u128,
}

impl Fingerprint {
    /// Of a document; the version only where the mechanism that copies keeps it.
    ///
    /// The order of members in an object means nothing, that of a list does.
    pub fn of(id: &str, version: Option<u64>, source: &Value) -> Self {
        let mut content = Sha256::new();
        // With the length of the id first, no id can be mistaken for the beginning of what follows.
        content.update(u64::try_from(id.len()).unwrap_or(u64::MAX).to_be_bytes());
        content.update(id.as_bytes());
        match version {
            Some(version) => content.update([&[1][..], &version.to_be_bytes()].concat()),
            None => content.update([0]),
        }
        feed(&mut content, source);
        Self {
            id: short(Sha256::digest(id.as_bytes()).as_slice()),
            content: short(content.finalize().as_slice()),
        }
    }
}

/// Feeds a value in one order of members: whether the parser keeps theirs depends on who built it.
fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            hash.update(b"{");
            for (name, member) in names {
                feed(hash, &Value::from(name.as_str()));
                feed(hash, member);
            }
            hash.update(b"}");
        }
        Value::Array(entries) => {
            hash.update(b"[");
            for entry in entries {
                feed(hash, entry);
            }
            hash.update(b"]");
        }
        // Texts are quoted, so that nothing in one can end it; a blank ends a number.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            hash.update(value.to_string().as_bytes());
            hash.update(b" ");
        }
    }
}

/// The first half of a hash.
fn short(hash: &[u8]) -> u128 {
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_same_document_has_the_same_fingerprint() {
        let one = Fingerprint::of("a", Some(1), &json!({ "x": 1, "y": [1, 2] }));
        let parsed: Value = serde_json::from_str(r#"{"y":[1,2],"x":1}"#).unwrap();
        assert_eq!(Fingerprint::of("a", Some(1), &parsed), one);
        for other in [
            Fingerprint::of("b", Some(1), &json!({ "x": 1, "y": [1, 2] })),
            Fingerprint::of("a", Some(2), &json!({ "x": 1, "y": [1, 2] })),
            Fingerprint::of("a", None, &json!({ "x": 1, "y": [1, 2] })),
            Fingerprint::of("a", Some(1), &json!({ "x": 1, "y": [2, 1] })),
            Fingerprint::of("a", Some(1), &json!({ "x": "1", "y": [1, 2] })),
        ] {
            assert_ne!(other, one);
        }
    }
}
