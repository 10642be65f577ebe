//! What identifies a document and its content in few bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// What tells a document from the others of its index.
///
/// Routing belongs to it: documents of one id in different shards are different documents.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// Its routing, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<String>,
}

impl Identity {
    /// Without a routing of its own.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), routing: None }
    }

    /// Where it stands among all: the first bits are its bucket.
    pub(crate) fn place(&self) -> u128 {
        let mut hash = Sha256::new();
        self.feed(&mut hash);
        short(hash.finalize().as_slice())
    }

    fn feed(&self, hash: &mut Sha256) {
        // With the length of the id first, no id can be mistaken for the beginning of what follows.
        hash.update(u64::try_from(self.id.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(self.id.as_bytes());
        match &self.routing {
            Some(routing) => {
                hash.update([1]);
                hash.update(u64::try_from(routing.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(routing.as_bytes());
            }
            None => hash.update([0]),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.id)?;
        self.routing.as_ref().map_or(Ok(()), |routing| write!(formatter, " (routing {routing})"))
    }
}

/// A document's identity and content, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint {
    /// Of the identity: it decides the bucket.
    pub(crate) place: u128,
    /// Of identity, version and source together, so that two documents that swap their contents do not cancel out.
    pub(crate) content: u128,
}

impl Fingerprint {
    /// Of a document; the version only where the mechanism that copies keeps it. The source is JSON as it was written.
    ///
    /// The order of members in an object means nothing, that of a list does. Numbers are compared as they are written:
    /// no digit of a long one is lost, and `1.0` is not `1`.
    pub fn of(identity: &Identity, version: Option<u64>, source: &str) -> Result<Self, serde_json::Error> {
        let mut hash = Sha256::new();
        identity.feed(&mut hash);
        match version {
            Some(version) => hash.update([&[1][..], &version.to_be_bytes()].concat()),
            None => hash.update([0]),
        }
        feed(&mut hash, source)?;
        Ok(Self { place: identity.place(), content: short(hash.finalize().as_slice()) })
    }
}

/// Feeds a value in one order of members, without blanks, with every text spelled in one way.
fn feed(hash: &mut Sha256, json: &str) -> Result<(), serde_json::Error> {
    let json = json.trim_ascii();
    match json.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<Text<'_>, &RawValue> = serde_json::from_str(json)?;
            hash.update(b"{");
            for (name, member) in members {
                name.feed(hash);
                feed(hash, member.get())?;
            }
            hash.update(b"}");
        }
        Some(b'[') => {
            let entries: Vec<&RawValue> = serde_json::from_str(json)?;
            hash.update(b"[");
            for entry in entries {
                feed(hash, entry.get())?;
            }
            hash.update(b"]");
        }
        Some(b'"') => serde_json::from_str::<Text<'_>>(json)?.feed(hash),
        // A blank ends a number.
        _ => {
            hash.update(json.as_bytes());
            hash.update(b" ");
        }
    }
    Ok(())
}

/// A text, however it was escaped: its bytes, because half of a pair of surrogates (`\ud800`), which a domain stores as it
/// comes, is no character.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(bytes.to_vec())))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

impl Text<'_> {
    fn feed(&self, hash: &mut Sha256) {
        hash.update(b"\"");
        hash.update(u64::try_from(self.0.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(&self.0);
    }
}

/// The first half of a hash.
fn short(hash: &[u8]) -> u128 {
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(id: &str, routing: Option<&str>, version: Option<u64>, source: &str) -> Fingerprint {
        let identity = Identity { id: id.to_owned(), routing: routing.map(str::to_owned) };
        Fingerprint::of(&identity, version, source).unwrap()
    }

    #[test]
    fn how_a_document_is_spelled_means_nothing() {
        let one = print("a", None, Some(1), r#"{"x":1,"y":[1,{"b":"é","a":null}]}"#);
        for source in [
            r#"{"y":[1,{"b":"é","a":null}],"x":1}"#,
            r#" { "x" : 1 , "y" : [ 1 , { "a" : null , "b" : "\u00e9" } ] } "#,
        ] {
            assert_eq!(print("a", None, Some(1), source), one, "{source}");
        }
    }

    #[test]
    fn only_the_same_document_has_the_same_fingerprint() {
        let source = r#"{"x":1,"y":[1,2]}"#;
        let one = print("a", None, Some(1), source);
        for other in [
            print("b", None, Some(1), source),
            print("a", Some("r"), Some(1), source),
            print("a", None, Some(2), source),
            print("a", None, None, source),
            print("a", None, Some(1), r#"{"x":1,"y":[2,1]}"#),
            print("a", None, Some(1), r#"{"x":"1","y":[1,2]}"#),
            print("a", None, Some(1), r#"{"x":1,"y":[12]}"#),
            print("a", None, Some(1), r#"{"x":1,"y":[1,2],"z":null}"#),
            print("a", None, Some(1), "{}"),
        ] {
            assert_ne!(other, one);
        }
        let digits = |digits: &str| print("a", None, None, &format!(r#"{{"x":{digits}}}"#));
        assert_ne!(digits("12345678901234567890123"), digits("12345678901234567890124"));
        assert_ne!(digits("0.1000000000000000055"), digits("0.1"));
    }

    #[test]
    fn half_a_pair_of_surrogates_is_a_text_like_others() {
        let texts = [
            r#"{"x":"\ud800"}"#,
            r#"{"x":"\ud801"}"#,
            r#"{"x":"\udc00"}"#,
            r#"{"x":"?"}"#,
            r#"{"\ud800":"x"}"#,
        ];
        for one in texts {
            assert_eq!(print("a", None, None, one), print("a", None, None, &one.replace("ud8", "uD8")));
            for other in texts {
                let are_same = print("a", None, None, one) == print("a", None, None, other);
                assert_eq!(are_same, one == other, "{one} {other}");
            }
        }
        let whole = print("a", None, None, r#"{"x":"😀"}"#);
        assert_eq!(print("a", None, None, r#"{"x":"\ud83d\ude00"}"#), whole);
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        assert!(Fingerprint::of(&Identity::of("a"), None, r#"{"x":"#).is_err());
    }
}
