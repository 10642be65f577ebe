//! Documents folded into a fixed number of sums.

use serde::{Deserialize, Serialize};

use crate::Fingerprint;

/// The most buckets there are: 65,536, some megabytes whatever the index holds.
const MOST_BITS: u32 = 16;
/// How many documents a bucket shall hold: opening one of them costs about so many.
const FULL: u64 = 64;

/// What a set of documents comes to: how many, and the sum of their fingerprints, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// How many documents.
    pub documents: u64,
    /// The sum of their contents' hashes, as text because JSON has no such numbers.
    #[serde(with = "hexadecimal")]
    pub sum: u128,
}

impl Digest {
    fn add(&mut self, fingerprint: &Fingerprint) {
        self.documents += 1;
        // A sum and not an exclusive or: a document that is there twice must not look as if it were not there.
        self.sum = self.sum.wrapping_add(fingerprint.content);
    }
}

/// Which bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bucket(u32);

/// One side's documents, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    bits: u32,
    digests: Vec<Digest>,
}

impl Buckets {
    /// Empty ones, as many as suit so many documents. Both sides must use the same number.
    pub fn for_documents(expected: u64) -> Self {
        let bits = (expected / FULL).checked_ilog2().map_or(0, |log| log + 1).min(MOST_BITS);
        Self { bits, digests: vec![Digest::default(); 1 << bits] }
    }

    /// The bucket of a document.
    pub fn of(&self, fingerprint: &Fingerprint) -> Bucket {
        let top = fingerprint.id.checked_shr(u128::BITS - self.bits).unwrap_or_default();
        Bucket(u32::try_from(top).unwrap_or_default())
    }

    /// Folds a document in.
    pub fn add(&mut self, fingerprint: &Fingerprint) {
        let Bucket(place) = self.of(fingerprint);
        if let Some(digest) = self.digests.get_mut(place as usize) {
            digest.add(fingerprint);
        }
    }

    /// What all of it comes to: equal on both sides, the sets are the same, and no bucket need be sent.
    pub fn total(&self) -> Digest {
        self.digests.iter().fold(Digest::default(), |total, digest| Digest {
            documents: total.documents + digest.documents,
            sum: total.sum.wrapping_add(digest.sum),
        })
    }

    /// The buckets that are not the same on the other side; none when the other side has another number of them.
    pub fn unequal(&self, other: &Self) -> Option<Vec<Bucket>> {
        let pairs = self.digests.iter().zip(&other.digests).zip(0..);
        (self.bits == other.bits && self.digests.len() == other.digests.len())
            .then(|| pairs.filter(|((one, other), _)| one != other).map(|(_, place)| Bucket(place)).collect())
    }
}

mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{number:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_buckets_as_suit_and_never_more_than_some() {
        for (documents, buckets) in
            [(0, 1), (63, 1), (64, 2), (10_000, 256), (1_000_000, 16_384), (u64::MAX, 65_536)]
        {
            assert_eq!(Buckets::for_documents(documents).digests.len(), buckets, "{documents}");
        }
    }

    #[test]
    fn buckets_of_another_number_are_not_compared() {
        assert_eq!(Buckets::for_documents(0).unequal(&Buckets::for_documents(64)), None);
    }

    #[test]
    fn buckets_survive_being_sent() {
        let mut buckets = Buckets::for_documents(1000);
        buckets.add(&Fingerprint::of("a", None, &serde_json::json!({ "x": 1 })));
        let sent = serde_json::to_string(&buckets).unwrap();
        assert_eq!(serde_json::from_str::<Buckets>(&sent).unwrap(), buckets);
    }
}
