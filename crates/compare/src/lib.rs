//! Whether two indexes are the same: their documents by id, content and version; mappings, settings, aliases.
//!
//! Each side folds its documents into [`Buckets`] by their ids, in whatever order it reads them: equal buckets cost a count
//! and a sum to compare. Unequal ones are opened, and the ids that differ are known. Both sides may be written to meanwhile,
//! so what differs is looked at again by id before it counts.
//!
//! What that proves: a digest is a SHA-256 cut to 128 bits, of a document's identity, version and source, and a bucket the sum
//! of its documents' digests, modulo 2^128, beside their number. By accident two different sets do not come to the same.
//! On purpose they can: sums of many hashes of this width can be made to meet by whoever chooses the documents of one side
//! (Wagner's generalized birthday problem), so equal buckets prove nothing against somebody who writes them for that.
//! A document of one identity that is twice on one side only is noticed; twice on both, it is equal.
//!
//! A side is asked [`Question`]s, by whoever can reach its domain: this function ([`Near`]), or that side's own, through
//! Lambda ([`Far`]), which calls [`serve_question`]. [`compare`] runs it all and gives a [`Report`].
//! Nothing here knows CloudFormation or how the second index came to be.

mod answer;
mod buckets;
mod comparison;
mod domain;
mod fingerprint;
mod looks;
mod problem;
mod question;
mod reading;
mod report;
mod serve;
mod shape;
mod side;

pub use answer::answer;
pub use buckets::{Buckets, Digest};
pub use comparison::{Comparison, compare, compare_telling};
pub use fingerprint::{Fingerprint, Identity};
pub use looks::Difference;
pub use problem::{CLUSTER_ACTIONS, INDEX_ACTIONS, Problem};
pub use question::{Answer, Answered, Cursor, Found, Question, Reading, Shape, State};
pub use report::{Named, Report, SideReport, Verdict};
pub use serve::{is_question, refuse_question, serve_question};
pub use shape::{Finding, Part, setting_names};
pub use side::{AnySide, Far, Near, Side};
