//! The decision: from what the plugin says of the index to the one next step. No effect, no time.

use crate::replication::{How, Status, WaitFor};

/// Whose the index is, by the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nothing was done under the claim: what is there is somebody else's.
    Nobodys,
    /// A start went out, by this request or an earlier one.
    Asked,
    /// It is being taken over: somebody else's until that is done, so nothing is deleted.
    Adopted,
    /// It follows because of us, or was taken over.
    Ours,
}

/// What became of the copy so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copied {
    /// The very request being served started it: what it died of belongs into the answer.
    Just,
    /// An earlier request started it and was not done with it: broken, it is only in the way.
    Partly,
    /// A request was done with it: should the leader be lost, it may be all there is.
    Wholly,
}

/// What the plugin refused lately, which its status does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A start, because there is an index of that name. A running replication looks so for a while when the leader's
    /// index or the connection goes away.
    NameTaken { is_lasting: bool },
    /// A resumption, because the leader has not kept what is missing.
    Lost,
}

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed<'a> {
    pub(crate) status: &'a Status,
    /// It follows the index that it shall.
    pub(crate) is_as_wanted: bool,
    pub(crate) whose: Whose,
    pub(crate) copied: Copied,
    pub(crate) refused: Option<Refused>,
    /// The copy may be deleted and made anew.
    pub(crate) may_reseed: bool,
    pub(crate) wait_for: WaitFor,
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begin to follow.
    Start,
    /// Record that what follows already is looked after by us from now on.
    Adopt,
    /// Go on after a pause.
    Resume,
    /// Stop, delete the copy, and let the next look start anew.
    Reseed,
    /// Look again later.
    Wait,
    /// Nothing: it is so.
    Done,
    /// Nothing can follow.
    Fail(DeadEnd),
}

/// Where it can end without ever following.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeadEnd {
    /// An ordinary index has the name.
    NameTaken,
    /// Ours was stopped by somebody, and is an ordinary index now.
    Stopped,
    /// It follows another index.
    FollowsAnother,
    /// The plugin gave up.
    Failed,
    /// The plugin gave up on a copy that was complete.
    Broken,
    /// It was paused for too long.
    Lost,
}

/// Decides.
pub(crate) fn next(observed: &Observed<'_>) -> Step {
    let is_ours = observed.whose == Whose::Ours;
    let is_adopted = observed.whose == Whose::Adopted;
    let reseed_or = |end| if is_ours && observed.may_reseed { Step::Reseed } else { Step::Fail(end) };
    let (source_is_right, how) = match observed.status {
        Status::LeaderSilent(_) | Status::Unknown(_) => return Step::Wait,
        Status::Idle => return on_idle(observed),
        Status::Follows { how, .. } => (observed.is_as_wanted, how),
    };
    match (source_is_right, how) {
        (false, _) => reseed_or(DeadEnd::FollowsAnother),
        (true, How::Failed { .. }) => match observed.copied {
            Copied::Wholly => reseed_or(DeadEnd::Broken),
            Copied::Partly if is_ours => Step::Reseed,
            Copied::Partly | Copied::Just => Step::Fail(DeadEnd::Failed),
        },
        (true, How::Starting { .. } | How::Syncing { .. } | How::Paused { .. })
            if !is_ours && !is_adopted =>
        {
            Step::Adopt
        }
        (true, How::Paused { .. }) if observed.refused == Some(Refused::Lost) => reseed_or(DeadEnd::Lost),
        (true, How::Paused { .. }) => Step::Resume,
        (true, How::Starting { .. }) if observed.wait_for != WaitFor::Started => Step::Wait,
        (true, How::Starting { .. } | How::Syncing { .. }) => Step::Done,
    }
}

fn on_idle(observed: &Observed<'_>) -> Step {
    let Some(Refused::NameTaken { is_lasting }) = observed.refused else { return Step::Start };
    match observed.whose {
        Whose::Asked | Whose::Ours if !is_lasting => Step::Wait,
        Whose::Nobodys | Whose::Asked | Whose::Adopted => Step::Fail(DeadEnd::NameTaken),
        Whose::Ours if observed.may_reseed => Step::Reseed,
        Whose::Ours => Step::Fail(DeadEnd::Stopped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(how: How) -> Status {
        Status::Follows { source: crate::replication::Source::default(), how }
    }

    fn statuses() -> [(&'static str, Status); 7] {
        let reason = String::new;
        [
            ("idle", Status::Idle),
            ("starting", follows(How::Starting { progress: reason() })),
            ("syncing", follows(How::Syncing { leader: 1, follower: 1 })),
            ("paused", follows(How::Paused { reason: reason() })),
            ("failed", follows(How::Failed { reason: reason() })),
            ("unknown", Status::Unknown(reason())),
            ("silent", Status::LeaderSilent(reason())),
        ]
    }

    fn at(status: &Status) -> Observed<'_> {
        Observed {
            status,
            is_as_wanted: true,
            whose: Whose::Ours,
            copied: Copied::Partly,
            refused: None,
            may_reseed: false,
            wait_for: WaitFor::Syncing,
        }
    }

    fn ways() -> Vec<(bool, Copied)> {
        let copied = [Copied::Just, Copied::Partly, Copied::Wholly];
        copied.into_iter().flat_map(|copied| [(true, copied), (false, copied)]).collect()
    }

    /// One row per status: ours, ours and fresh, somebody else's, ours but of another source, that of others.
    #[test]
    fn every_status_has_its_step() {
        use DeadEnd::{Failed, FollowsAnother};
        use Step::{Adopt, Done, Fail, Reseed, Resume, Start, Wait};
        let table = [
            ("idle", Start, Start, Start, Start, Start),
            ("starting", Wait, Wait, Adopt, Fail(FollowsAnother), Fail(FollowsAnother)),
            ("syncing", Done, Done, Adopt, Fail(FollowsAnother), Fail(FollowsAnother)),
            ("paused", Resume, Resume, Adopt, Fail(FollowsAnother), Fail(FollowsAnother)),
            ("failed", Reseed, Fail(Failed), Fail(Failed), Fail(FollowsAnother), Fail(FollowsAnother)),
            ("unknown", Wait, Wait, Wait, Wait, Wait),
            ("silent", Wait, Wait, Wait, Wait, Wait),
        ];
        for (name, status) in &statuses() {
            let row = table.iter().find(|row| row.0 == *name).unwrap();
            let ours = at(status);
            assert_eq!(next(&ours), row.1, "{name}");
            assert_eq!(next(&Observed { copied: Copied::Just, ..ours }), row.2, "{name}, fresh");
            assert_eq!(next(&Observed { whose: Whose::Nobodys, ..ours }), row.3, "{name}, nobody's");
            assert_eq!(next(&Observed { is_as_wanted: false, ..ours }), row.4, "{name}, of another");
            let theirs = Observed { is_as_wanted: false, whose: Whose::Nobodys, may_reseed: true, ..ours };
            assert_eq!(next(&theirs), row.5, "{name}, of another, nobody's");
        }
    }

    #[test]
    fn only_what_is_ours_is_ever_made_anew() {
        for (name, status) in &statuses() {
            for refused in [
                None,
                Some(Refused::Lost),
                Some(Refused::NameTaken { is_lasting: true }),
                Some(Refused::NameTaken { is_lasting: false }),
            ] {
                for (is_as_wanted, copied) in ways() {
                    for whose in [Whose::Nobodys, Whose::Asked, Whose::Adopted] {
                        let observed =
                            Observed { is_as_wanted, whose, copied, refused, may_reseed: true, ..at(status) };
                        assert_ne!(next(&observed), Step::Reseed, "{name}: {observed:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_complete_is_made_anew_only_where_that_is_allowed() {
        for (name, status) in &statuses() {
            for refused in [None, Some(Refused::Lost), Some(Refused::NameTaken { is_lasting: true })] {
                for is_as_wanted in [true, false] {
                    let observed = Observed { copied: Copied::Wholly, is_as_wanted, refused, ..at(status) };
                    assert_ne!(next(&observed), Step::Reseed, "{name}: {observed:?}");
                }
            }
        }
        let failed = follows(How::Failed { reason: String::new() });
        let complete = Observed { copied: Copied::Wholly, ..at(&failed) };
        assert_eq!(next(&complete), Step::Fail(DeadEnd::Broken));
        assert_eq!(next(&Observed { may_reseed: true, ..complete }), Step::Reseed);
    }

    /// As one of ours, except that nothing is deleted.
    #[test]
    fn what_is_being_taken_over_goes_on_as_it_is() {
        let table = [
            ("starting", Step::Wait),
            ("syncing", Step::Done),
            ("paused", Step::Resume),
            ("failed", Step::Fail(DeadEnd::Failed)),
        ];
        for (name, step) in table {
            let statuses = statuses();
            let (_, status) = statuses.iter().find(|(known, _)| *known == name).unwrap();
            let observed = Observed { whose: Whose::Adopted, may_reseed: true, ..at(status) };
            assert_eq!(next(&observed), step, "{name}");
        }
    }

    #[test]
    fn what_was_refused_decides_when_the_status_says_nothing() {
        let paused = follows(How::Paused { reason: String::new() });
        let (taken, lasting) =
            (Refused::NameTaken { is_lasting: false }, Refused::NameTaken { is_lasting: true });
        for (status, whose, refused, may_reseed, step) in [
            (&Status::Idle, Whose::Nobodys, taken, true, Step::Fail(DeadEnd::NameTaken)),
            (&Status::Idle, Whose::Asked, taken, true, Step::Wait),
            (&Status::Idle, Whose::Asked, lasting, true, Step::Fail(DeadEnd::NameTaken)),
            (&Status::Idle, Whose::Ours, taken, true, Step::Wait),
            (&Status::Idle, Whose::Ours, lasting, false, Step::Fail(DeadEnd::Stopped)),
            (&Status::Idle, Whose::Ours, lasting, true, Step::Reseed),
            (&paused, Whose::Ours, Refused::Lost, false, Step::Fail(DeadEnd::Lost)),
            (&paused, Whose::Ours, Refused::Lost, true, Step::Reseed),
        ] {
            let observed = Observed { whose, refused: Some(refused), may_reseed, ..at(status) };
            assert_eq!(next(&observed), step, "{observed:?}");
        }
    }

    #[test]
    fn with_started_a_copy_under_way_is_enough() {
        let starting = follows(How::Starting { progress: String::new() });
        assert_eq!(next(&Observed { wait_for: WaitFor::Started, ..at(&starting) }), Step::Done);
    }
}
