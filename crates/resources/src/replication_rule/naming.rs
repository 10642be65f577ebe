//! What a rule calls the index that follows a leader's.

/// What stands for the name of the leader's index.
const LEADER_INDEX: &str = "{{leader_index}}";

/// What comes before and after that name; nothing where both are to be called the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Naming {
    before: String,
    after: String,
}

impl Naming {
    /// From a text in which the name of the leader's index stands once.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once(LEADER_INDEX)?;
        (!after.contains(LEADER_INDEX)).then(|| Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// As the plugin wants it; none where it need not be told.
    pub(crate) fn pattern(&self) -> Option<String> {
        (*self != Self::default()).then(|| self.of(LEADER_INDEX))
    }

    /// The follower's name of a leader's index, or of a pattern of them.
    pub(crate) fn of(&self, leader_index: &str) -> String {
        format!("{}{leader_index}{}", self.before, self.after)
    }

    /// The leader's name of an index that follows.
    pub(crate) fn leader_of<'a>(&self, follower_index: &'a str) -> Option<&'a str> {
        follower_index.strip_prefix(&self.before)?.strip_suffix(&self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_in_both_directions() {
        for (text, leader, follower) in
            [("{{leader_index}}", "logs", "logs"), ("eu-{{leader_index}}-copy", "logs", "eu-logs-copy")]
        {
            let naming = Naming::parse(text).unwrap();
            assert_eq!(naming.of(leader), follower);
            assert_eq!(naming.leader_of(follower), Some(leader));
        }
        assert_eq!(Naming::parse("{{leader_index}}"), Some(Naming::default()));
        assert_eq!(Naming::default().pattern(), None);
        for text in ["", "copy", "{{leader_index}}{{leader_index}}", "{leader_index}"] {
            assert_eq!(Naming::parse(text), None, "{text}");
        }
    }
}
