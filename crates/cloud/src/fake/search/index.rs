//! An index and its documents.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// How often it was written.
    pub version: u64,
    /// What was written.
    pub source: Value,
}

/// An index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Index {
    pub(super) documents: BTreeMap<String, Document>,
    pub(super) mappings: Value,
    pub(super) aliases: Value,
    pub(super) settings: Map<String, Value>,
    /// Tells it from one of the same name made later.
    pub(super) generation: u64,
    /// How many operations it has seen.
    pub(super) operations: i64,
}

impl Index {
    pub(super) fn new(generation: u64) -> Self {
        Self {
            documents: BTreeMap::new(),
            mappings: json!({}),
            aliases: json!({}),
            settings: Map::new(),
            generation,
            operations: 0,
        }
    }

    pub(super) fn write(&mut self, id: &str, source: &Value) {
        let version = self.documents.get(id).map_or(1, |known| known.version + 1);
        self.documents.insert(id.to_owned(), Document { version, source: source.clone() });
        self.operations += 1;
    }
}
