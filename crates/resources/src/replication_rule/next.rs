//! The decision: from what the follower tells of the rule and of what follows to the one next step. No effect, no time.

/// Whose the rule is, by the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nothing was done under the claim.
    Nobodys,
    /// It was made, or asked for, by us.
    Ours,
}

/// Whether the rule's task still looks: it ends at a refusal by the leader, and the rule stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It looked while we did.
    Beats,
    /// Not seen yet.
    Unknown,
    /// Not within a time in which it should have.
    Stopped,
}

/// How far what matches has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Followers {
    /// All of it follows as far as is waited for.
    Ready,
    /// Some of it not yet.
    Coming,
    /// Some of it cannot, and the rule does not try it again soon.
    Failed,
}

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// There is a rule of the name, and it has the pattern that it shall.
    pub(crate) rule: Option<bool>,
    pub(crate) whose: Whose,
    /// It was made with the roles and settings that it shall have.
    pub(crate) is_as_recorded: bool,
    /// This invocation made it: whatever failed, failed just now.
    pub(crate) is_new: bool,
    pub(crate) pulse: Pulse,
    pub(crate) followers: Followers,
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make the rule.
    Make,
    /// Delete the rule, for the next look to make it anew; what follows goes on.
    Remake,
    /// Look again later.
    Wait,
    /// Nothing: it is so.
    Done,
    /// Somebody else's rule has the name.
    FailTaken,
    /// Some indexes cannot be followed.
    FailFollowers,
}

/// Decides.
pub(crate) fn next(observed: Observed) -> Step {
    match (observed.rule, observed.whose) {
        (None, _) => Step::Make,
        (Some(_), Whose::Nobodys) => Step::FailTaken,
        (Some(false), Whose::Ours) => Step::Remake,
        (Some(true), Whose::Ours) if !observed.is_as_recorded => Step::Remake,
        (Some(true), Whose::Ours) => match (observed.pulse, observed.followers) {
            (Pulse::Stopped, _) => Step::Remake,
            // What failed before may be mended, and a new rule tries it at once.
            (_, Followers::Failed) if !observed.is_new => Step::Remake,
            (_, Followers::Failed) => Step::FailFollowers,
            (Pulse::Unknown, _) | (Pulse::Beats, Followers::Coming) => Step::Wait,
            (Pulse::Beats, Followers::Ready) => Step::Done,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Followers; 3] = [Followers::Ready, Followers::Coming, Followers::Failed];
    const PULSES: [Pulse; 3] = [Pulse::Beats, Pulse::Unknown, Pulse::Stopped];

    /// Every combination, as (observed, step).
    fn every() -> Vec<(Observed, Step)> {
        let mut all = Vec::new();
        for rule in [None, Some(true), Some(false)] {
            for whose in [Whose::Nobodys, Whose::Ours] {
                for (is_as_recorded, is_new) in [(true, true), (true, false), (false, true), (false, false)] {
                    for pulse in PULSES {
                        for followers in ALL {
                            let observed = Observed { rule, whose, is_as_recorded, is_new, pulse, followers };
                            all.push((observed, next(observed)));
                        }
                    }
                }
            }
        }
        all
    }

    #[test]
    fn done_is_only_a_rule_of_ours_that_is_right_looks_and_has_everything_follow() {
        for (observed, step) in every() {
            let is_right = observed.rule == Some(true)
                && observed.whose == Whose::Ours
                && observed.is_as_recorded
                && observed.pulse == Pulse::Beats
                && observed.followers == Followers::Ready;
            assert_eq!(step == Step::Done, is_right, "{observed:?}");
        }
    }

    #[test]
    fn a_rule_is_made_only_where_there_is_none_and_a_rule_of_others_is_never_deleted() {
        for (observed, step) in every() {
            assert_eq!(step == Step::Make, observed.rule.is_none(), "{observed:?}");
            if observed.whose == Whose::Nobodys {
                assert_ne!(step, Step::Remake, "{observed:?}");
            }
        }
    }

    #[test]
    fn what_fails_under_a_new_rule_is_told_and_under_an_old_one_tried_anew() {
        let ours = Observed {
            rule: Some(true),
            whose: Whose::Ours,
            is_as_recorded: true,
            is_new: false,
            pulse: Pulse::Beats,
            followers: Followers::Failed,
        };
        assert_eq!(next(ours), Step::Remake);
        assert_eq!(next(Observed { is_new: true, ..ours }), Step::FailFollowers);
        assert_eq!(
            next(Observed { pulse: Pulse::Stopped, followers: Followers::Ready, ..ours }),
            Step::Remake
        );
        assert_eq!(next(Observed { pulse: Pulse::Unknown, followers: Followers::Ready, ..ours }), Step::Wait);
    }
}
