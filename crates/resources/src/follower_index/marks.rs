//! What a claim records beside its phase, for the requests that come later.

use crate::replication::Source;

/// A copy is being replaced: a crash in between does not leave none.
pub(super) const RESEEDING: &str = "reseeding";
/// The settings that were given to the plugin, which does not show them.
pub(super) const SETTINGS: &str = "settings ";
/// The same while they are being changed.
pub(super) const SETTINGS_UNKNOWN: &str = "settings are being changed";
/// The request that started it last: what it dies of belongs into that one's answer.
pub(super) const STARTED: &str = "started by ";
/// A copy that a request replaced by that of another source: when the stack takes the request back, the properties of
/// before say nothing of replacing.
pub(super) const REPLACED: &str = "replaced ";
/// What it follows, or may follow, because of us: what follows something else is not ours.
pub(super) const FOLLOWS: &str = "follows ";
/// A request was done with it.
pub(super) const COMPLETE: &str = "complete";

/// What is recorded of what it follows.
pub(super) fn follows(source: &Source) -> String {
    format!("{FOLLOWS}{source}")
}
