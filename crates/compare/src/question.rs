//! What one side is asked, and what it answers: all that ever crosses from one side to the other.
//!
//! An answer stays below the 6 MB that Lambda lets through: buckets are bytes in base64, 1.8 MB at most, and what lists
//! documents ends at a number of bytes and says so.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Buckets, Identity};

/// The version of all that is here and of what it means: of hashes, buckets and places too. Two functions of different
/// versions would find differences that are none, or none where there are some.
pub(crate) const VERSION: u32 = 1;

/// How documents are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reading {
    /// The index, by its own name.
    pub index: String,
    /// How many primary shards it has.
    pub shards: u32,
    /// Two to the power of this is the number of buckets.
    pub bits: u32,
    /// Whether the version counts.
    pub with_version: bool,
    /// Documents per second, at most.
    pub rate: u32,
    /// Where to go on; none to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Cursor>,
}

/// Where a reading stopped that took longer than one answer may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cursor {
    /// The shard.
    pub shard: u32,
    /// Its point in time.
    pub point: String,
    /// How many documents the shard has at that point; none before its first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
    /// How many of them were read.
    #[serde(default)]
    pub read: u64,
    /// The one that was read last: its sequence number and its place in the shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<(i64, i64)>,
}

/// What one side is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Question {
    /// Which open indexes match a pattern.
    #[serde(rename_all = "PascalCase")]
    Matching {
        /// With `*`.
        pattern: String,
    },
    /// What an index is like, without its documents.
    #[serde(rename_all = "PascalCase")]
    Shape {
        /// By its own name.
        index: String,
    },
    /// Its documents, folded; a part of them, when it takes long.
    Fold(Reading),
    /// The documents of some buckets, by id; the first of them, when they are many.
    #[serde(rename_all = "PascalCase")]
    Open {
        /// How they are read.
        reading: Reading,
        /// Which buckets, ascending.
        buckets: Vec<u32>,
        /// Only those whose place is not below this: what is below was listed before.
        #[serde(with = "hexadecimal")]
        above: u128,
    },
    /// Some documents by id, as they are now.
    #[serde(rename_all = "PascalCase")]
    Again {
        /// The index.
        index: String,
        /// Which documents.
        documents: Vec<Identity>,
        /// Whether the version counts.
        with_version: bool,
        /// Documents per second, at most.
        rate: u32,
    },
    /// A reading will not go on.
    Close(Cursor),
}

impl Question {
    /// Where a reading shall go on, or end.
    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        match self {
            Self::Fold(reading) | Self::Open { reading, .. } => reading.from.as_ref(),
            Self::Close(cursor) => Some(cursor),
            Self::Matching { .. } | Self::Shape { .. } | Self::Again { .. } => None,
        }
    }
}

impl Cursor {
    /// Whether its point in time can be one: `_all` in the place of an id means those of everybody.
    pub(crate) fn is_of_a_point(&self) -> bool {
        let is_of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
        !self.point.is_empty() && self.point != "_all" && self.point.bytes().all(is_of_an_id)
    }
}

/// What one side answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    /// What was asked.
    pub what: Answered,
    /// How many bytes were read from the domain for it.
    pub bytes_read: u64,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answered {
    /// The names of the indexes, sorted.
    Matching(Vec<String>),
    /// None when there is no such index.
    Shape(Option<Shape>),
    /// What was folded in this part, and where to go on.
    #[serde(rename_all = "PascalCase")]
    Fold {
        /// Of this part only.
        buckets: Buckets,
        /// None at the end.
        next: Option<Cursor>,
    },
    /// The documents of the buckets, of this part only.
    #[serde(rename_all = "PascalCase")]
    Open {
        /// What was found, in the order of the places.
        found: Vec<Found>,
        /// Those whose place is not below this are not listed: there were too many. The highest number when all are.
        #[serde(with = "hexadecimal")]
        below: u128,
        /// None at the end.
        next: Option<Cursor>,
    },
    /// What there is of each document that was asked for, in the same order.
    Again(Vec<Option<State>>),
    /// It is closed.
    Closed,
}

/// A document that was listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Which.
    #[serde(flatten)]
    pub identity: Identity,
    /// Its state.
    #[serde(flatten)]
    pub state: State,
}

/// What a document was at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct State {
    /// Its version.
    #[serde(rename = "v")]
    pub version: u64,
    /// The hash of its identity, of its source, and of its version where that counts.
    #[serde(rename = "h", with = "digits")]
    pub content: u128,
}

/// What an index is like, in a form that depends on no cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shape {
    /// What tells it from every other index, of whatever cluster; none where the domain does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// How many documents a search finds.
    pub documents: u64,
    /// How many primary shards.
    pub shards: u32,
    /// The mappings.
    pub mappings: Value,
    /// The settings by their full names.
    pub settings: BTreeMap<String, Value>,
    /// The aliases and how each is defined.
    pub aliases: BTreeMap<String, Value>,
}

/// A question as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sent<'a> {
    version: u32,
    #[serde(with = "Question")]
    asks: &'a Question,
}

/// A question as it comes, perhaps of a function that knew no versions.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Came {
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    asks: Value,
}

impl Serialize for Question {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Sent { version: VERSION, asks: self }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Question {
    /// The version first: what another one asks need not be understood.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Came { version, asks } = Came::deserialize(deserializer)?;
        if version != Some(VERSION) {
            let version =
                version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
            let words = format!("it is of {version}, and this function answers those of version {VERSION}");
            return Err(D::Error::custom(words));
        }
        Self::deserialize(asks).map_err(D::Error::custom)
    }
}

mod digits {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(number.to_be_bytes()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let bytes = BASE64.decode(String::deserialize(deserializer)?);
        let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(u128::from_be_bytes).ok_or_else(|| D::Error::custom("this is not a hash"))
    }
}

mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{number:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        u128::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(D::Error::custom)
    }
}
