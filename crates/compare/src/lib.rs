//! Whether two sets of documents are the same, told by short digests; which are not, by their ids.
//!
//! Each side folds its documents into [`Buckets`] by their ids, in whatever order it reads them: equal sets have equal
//! buckets, which cost two short digests to compare. Unequal buckets are opened: each side lists the [`Fingerprint`]s in
//! them, and [`differences`] names the ids. Both sides may still be written to, so a difference is a [`Suspect`] until it
//! was looked at again by its id.
//! This crate reads nothing, waits for nothing and knows no network.

mod buckets;
mod differences;
mod fingerprint;

pub use buckets::{Bucket, Buckets, Digest};
pub use differences::{Difference, Suspect, differences};
pub use fingerprint::Fingerprint;
