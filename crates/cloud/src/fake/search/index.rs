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
    /// As of the last refresh: what a search finds.
    pub(super) searchable: BTreeMap<String, Document>,
    /// The sequence number of each document's last operation.
    pub(super) sequence: BTreeMap<String, i64>,
    pub(super) mappings: Value,
    pub(super) aliases: Value,
    pub(super) settings: Map<String, Value>,
    /// What was taken away behind everybody's back, and the sequence number it had: nothing brings it again but a later
    /// operation.
    pub(super) lost: BTreeMap<String, i64>,
    /// Tells it from one of the same name made later.
    pub(super) generation: u64,
    /// How many operations it has seen.
    pub(super) operations: i64,
}

impl Index {
    pub(super) fn new(generation: u64) -> Self {
        Self {
            documents: BTreeMap::new(),
            searchable: BTreeMap::new(),
            sequence: BTreeMap::new(),
            mappings: json!({}),
            aliases: json!({}),
            settings: Map::new(),
            lost: BTreeMap::new(),
            generation,
            operations: 0,
        }
    }

    pub(super) fn write(&mut self, id: &str, source: &Value) {
        let version = self.documents.get(id).map_or(1, |known| known.version + 1);
        self.put(id, Document { version, source: source.clone() });
    }

    pub(super) fn put(&mut self, id: &str, document: Document) {
        self.documents.insert(id.to_owned(), document);
        self.sequence.insert(id.to_owned(), self.operations);
        self.operations += 1;
    }

    pub(super) fn delete(&mut self, id: &str) {
        self.documents.remove(id);
        self.operations += 1;
    }

    /// Takes a document away without an operation.
    pub(super) fn lose(&mut self, id: &str) {
        self.lost.insert(id.to_owned(), self.place(id));
        self.lose_again();
    }

    /// The same, after the copying has brought everything.
    pub(super) fn lose_again(&mut self) {
        let sequence = &self.sequence;
        self.lost.retain(|id, place| sequence.get(id).is_none_or(|now| now <= place));
        for id in self.lost.keys() {
            self.documents.remove(id);
        }
    }

    /// Its shards become one, as `_shrink` does it: each counted its operations by itself, so that documents of one
    /// sequence number meet.
    pub(super) fn shrink(&mut self, shards: i64) {
        for place in self.sequence.values_mut() {
            *place /= shards.max(1);
        }
        self.settings.retain(|name, _| !name.ends_with("number_of_shards"));
        self.settings.insert("index.number_of_shards".to_owned(), "1".into());
    }

    /// The sequence number of a document's last operation.
    pub(super) fn place(&self, id: &str) -> i64 {
        self.sequence.get(id).copied().unwrap_or_default()
    }

    /// How many primary shards.
    pub(super) fn shards(&self) -> u64 {
        self.number("number_of_shards").unwrap_or(1)
    }

    /// How many documents a page may have.
    pub(super) fn window(&self) -> Option<usize> {
        usize::try_from(self.number("max_result_window")?).ok()
    }

    /// A setting that is a number; they are texts, with or without `index.` before their names.
    fn number(&self, name: &str) -> Option<u64> {
        let value = self.settings.get(name).or_else(|| self.settings.get(&format!("index.{name}")))?;
        value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok())
    }

    /// Changes settings; they may be nested.
    pub(super) fn configure(&mut self, prefix: &str, settings: &Map<String, Value>) {
        for (name, value) in settings {
            let name = format!("{prefix}{name}");
            if let Some(nested) = value.as_object() {
                self.configure(&format!("{name}."), nested);
            } else {
                // The same setting by its other name is not there beside it.
                let bare = name.strip_prefix("index.").unwrap_or(&name);
                self.settings.remove(bare);
                self.settings.remove(&format!("index.{bare}"));
                self.settings.insert(name, value.clone());
            }
        }
    }

    /// The settings as they are shown: every one below `index`.
    pub(super) fn shown_settings(&self, host: &str, index: &str) -> Value {
        let uuid = format!("{host}/{index}/{}", self.generation);
        let own = [("number_of_shards".to_owned(), "1".into()), ("uuid".to_owned(), uuid.into())];
        let mut shown: Map<_, _> = own.into_iter().collect();
        let bare = |name: &str| name.strip_prefix("index.").unwrap_or(name).to_owned();
        shown.extend(self.settings.iter().map(|(name, value)| (bare(name), value.clone())));
        json!({ "index": shown })
    }
}
