//! Documents folded into a fixed number of sums.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Fingerprint;

/// The most buckets there are: 65,536, a megabyte whatever the index holds.
const MOST_BITS: u32 = 16;
/// How many documents a bucket shall hold: opening one of them costs about so many.
const FULL: u64 = 64;
/// Count and sum of one bucket, as they are sent.
const SENT: usize = 4 + 16;

/// What a set of documents comes to: how many, and the sum of their fingerprints, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// How many documents.
    pub documents: u64,
    /// The sum of their contents' hashes.
    pub sum: u128,
}

impl Digest {
    fn add(&mut self, other: Self) {
        self.documents += other.documents;
        // A sum and not an exclusive or: a document that is there twice must not look as if it were not there.
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Which bucket.
pub(crate) type Bucket = u32;

/// How many buckets suit so many documents, as a power of two. Both sides must use the same.
pub(crate) fn bits_for(documents: u64) -> u32 {
    (documents / FULL).checked_ilog2().map_or(0, |log| log + 1).min(MOST_BITS)
}

/// The bucket of a document, by the place of its identity.
pub(crate) fn bucket(place: u128, bits: u32) -> Bucket {
    let top = place.checked_shr(u128::BITS - bits.min(MOST_BITS)).unwrap_or_default();
    u32::try_from(top).unwrap_or_default()
}

/// One side's documents, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    bits: u32,
    digests: Vec<Digest>,
}

impl Buckets {
    /// Two to the power of `bits` empty ones, at most 65,536.
    pub(crate) fn new(bits: u32) -> Self {
        let bits = bits.min(MOST_BITS);
        Self { bits, digests: vec![Digest::default(); 1 << bits] }
    }

    /// Empty ones, as many as suit so many documents.
    pub fn for_documents(expected: u64) -> Self {
        Self::new(bits_for(expected))
    }

    /// Folds a document in.
    pub fn add(&mut self, fingerprint: &Fingerprint) {
        let bucket = bucket(fingerprint.place, self.bits);
        if let Some(digest) = self.digests.get_mut(bucket as usize) {
            digest.add(Digest { documents: 1, sum: fingerprint.content });
        }
    }

    /// Adds what was folded elsewhere into as many buckets; false when it is another number of them.
    #[must_use]
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        for (digest, more) in self.digests.iter_mut().zip(&other.digests) {
            digest.add(*more);
        }
        self.bits == other.bits
    }

    /// What all of it comes to: equal on both sides, the sets are the same.
    pub fn total(&self) -> Digest {
        self.digests.iter().fold(Digest::default(), |mut total, digest| {
            total.add(*digest);
            total
        })
    }

    /// The buckets that are not the same on the other side, each with the documents of the side that has more of them.
    pub(crate) fn unequal(&self, other: &Self) -> impl Iterator<Item = (Bucket, u64)> {
        let pairs = self.digests.iter().zip(&other.digests).zip(0..);
        pairs
            .filter(|((one, other), _)| one != other)
            .map(|((one, other), bucket)| (bucket, one.documents.max(other.documents)))
    }
}

/// As a text of 27 bytes for a bucket, all together: 1.8 MB for the most there are.
impl Serialize for Buckets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.digests.len() * SENT);
        for digest in &self.digests {
            // So many documents are not read in one part.
            bytes.extend(u32::try_from(digest.documents).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(digest.sum.to_be_bytes());
        }
        serializer.serialize_str(&BASE64.encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("these are not buckets");
        let bytes = BASE64.decode(String::deserialize(deserializer)?).map_err(|_| wrong())?;
        let (entries, rest) = bytes.as_chunks::<SENT>();
        let read = |entry: &[u8; SENT]| {
            let (documents, sum) = entry.split_first_chunk::<4>()?;
            let sum = u128::from_be_bytes(sum.try_into().ok()?);
            Some(Digest { documents: u32::from_be_bytes(*documents).into(), sum })
        };
        let digests: Vec<_> = entries.iter().map(read).collect::<Option<_>>().ok_or_else(wrong)?;
        let bits = digests.len().checked_ilog2().filter(|bits| *bits <= MOST_BITS).ok_or_else(wrong)?;
        (rest.is_empty() && digests.len() == 1 << bits).then_some(Self { bits, digests }).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    fn print(id: &str) -> Fingerprint {
        Fingerprint::of(&Identity::of(id), None, "{}").unwrap()
    }

    #[test]
    fn there_are_as_many_buckets_as_suit_and_never_more_than_some() {
        for (documents, buckets) in
            [(0, 1), (63, 1), (64, 2), (10_000, 256), (1_000_000, 16_384), (u64::MAX, 65_536)]
        {
            assert_eq!(Buckets::for_documents(documents).digests.len(), buckets, "{documents}");
        }
    }

    #[test]
    fn what_is_read_in_parts_comes_to_the_same() {
        let (mut all, mut one, mut other) = (Buckets::new(3), Buckets::new(3), Buckets::new(3));
        for number in 0..100 {
            let print = print(&number.to_string());
            all.add(&print);
            if number % 3 == 0 { one.add(&print) } else { other.add(&print) }
        }
        assert!(one.join(&other));
        assert_eq!((one.total(), one.unequal(&all).count()), (all.total(), 0));
        assert_eq!(all.total().documents, 100);
        assert!(!one.join(&Buckets::new(2)), "buckets of another number are not joined");
    }

    #[test]
    fn the_bucket_of_a_document_does_not_change_with_the_order_of_places() {
        for bits in [0, 1, 7, 16] {
            let mut places: Vec<_> = (0..50).map(|id| print(&id.to_string()).place).collect();
            places.sort_unstable();
            let buckets: Vec<_> = places.iter().map(|place| bucket(*place, bits)).collect();
            assert!(buckets.is_sorted() && buckets.iter().all(|bucket| *bucket < 1 << bits));
        }
    }

    #[test]
    fn buckets_survive_being_sent_and_nothing_else_passes_for_them() {
        let mut buckets = Buckets::for_documents(1000);
        buckets.add(&print("a"));
        let sent = serde_json::to_string(&buckets).unwrap();
        assert_eq!(serde_json::from_str::<Buckets>(&sent).unwrap(), buckets);
        let most = serde_json::to_string(&Buckets::new(40)).unwrap();
        assert!(most.len() < 2_000_000, "{}", most.len());
        for wrong in [r#""""#, r#""AAAA""#, r#""not base64""#, "[]", r#"{"bits":3}"#] {
            assert!(serde_json::from_str::<Buckets>(wrong).is_err(), "{wrong}");
        }
        let three = format!("\"{}\"", BASE64.encode([0; 3 * SENT]));
        assert!(serde_json::from_str::<Buckets>(&three).is_err(), "not a power of two");
    }
}
