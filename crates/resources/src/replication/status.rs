//! What the plugin says of an index. Its answers are those that were recorded.

use std::fmt;

use serde_json::Value;

/// What the plugin says of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// `REPLICATION NOT IN PROGRESS`: never started, stopped, or running while the leader's index or the connection is
    /// gone: the plugin says the same of all of them.
    Idle,
    /// It follows, in one of the ways of following.
    Follows { source: Source, how: How },
    /// A state that this program does not know.
    Unknown(String),
    /// The plugin cannot say, because it cannot ask the leader: it goes on by itself when the leader is back.
    LeaderSilent(String),
}

/// What is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) alias: String,
    pub(crate) index: String,
}

impl Source {
    /// As it is shown: an alias has no colon in it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (alias, index) = text.split_once(':')?;
        Some(Self { alias: alias.to_owned(), index: index.to_owned() })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.alias, self.index)
    }
}

/// How an index follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It copies what was there at the start; or it is about to, or applies a setting.
    Starting { progress: String },
    /// It applies every change.
    Syncing { leader: i64, follower: i64 },
    /// It does not go on until it is resumed.
    Paused { reason: String },
    /// It never will.
    Failed { reason: String },
}

/// From the answer to `_status`.
pub(crate) fn read(answer: &Value) -> Status {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let reason = text("reason");
    let how = match text("status").as_str() {
        "REPLICATION NOT IN PROGRESS" => return Status::Idle,
        "RUNNING" => How::Starting { progress: "RUNNING".to_owned() },
        // The documentation spells it with one P.
        "BOOTSTRAPPING" | "BOOTSTRAPING" => {
            let percent = answer.pointer("/bootstrap_details/bytes_percent").and_then(Value::as_f64);
            let progress = percent.map_or_else(String::new, |percent| format!(" {percent:.0} %"));
            How::Starting { progress: format!("BOOTSTRAPPING{progress}") }
        }
        "SYNCING" => {
            let point = |name: &str| {
                answer.pointer(&format!("/syncing_details/{name}")).and_then(Value::as_i64).unwrap_or(-1)
            };
            How::Syncing { leader: point("leader_checkpoint"), follower: point("follower_checkpoint") }
        }
        "PAUSED" => How::Paused { reason },
        "FAILED" => How::Failed { reason },
        other => return Status::Unknown(other.to_owned()),
    };
    Status::Follows { source: Source { alias: text("leader_alias"), index: text("leader_index") }, how }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => formatter.write_str("not in progress"),
            Self::Follows { how, .. } => how.fmt(formatter),
            Self::Unknown(status) => formatter.write_str(status),
            Self::LeaderSilent(words) => write!(formatter, "the leader does not answer: {words}"),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting { progress } => formatter.write_str(progress),
            Self::Syncing { leader, follower } => write!(formatter, "SYNCING ({follower} of {leader})"),
            Self::Paused { reason } => write!(formatter, "PAUSED ({reason})"),
            Self::Failed { reason } => write!(formatter, "FAILED ({reason})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_answer_that_was_recorded_is_read() {
        let of = |status: &str| {
            json!({
                "status": status, "reason": "User initiated", "leader_alias": "conn", "leader_index": "l1",
                "follower_index": "f1",
                "bootstrap_details": { "bytes_total": 208, "bytes_percent": 41.6 },
                "syncing_details": { "leader_checkpoint": 5, "follower_checkpoint": -2, "seq_no": 6 },
            })
        };
        for (status, shown) in [
            ("RUNNING", "RUNNING"),
            ("BOOTSTRAPPING", "BOOTSTRAPPING 42 %"),
            ("SYNCING", "SYNCING (-2 of 5)"),
            ("PAUSED", "PAUSED (User initiated)"),
            ("FAILED", "FAILED (User initiated)"),
            ("MIGRATING", "MIGRATING"),
        ] {
            let read = read(&of(status));
            assert_eq!(read.to_string(), shown);
            if let Status::Follows { source, .. } = read {
                assert_eq!(source.to_string(), "conn:l1");
            }
        }
        assert_eq!(read(&json!({ "status": "REPLICATION NOT IN PROGRESS" })), Status::Idle);
    }
}
