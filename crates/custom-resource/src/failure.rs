//! Why a kind could not do what was asked, as a person will read it.

use std::error::Error;

use wait::{TimedOut, WaitError, chain};

/// What a kind answers when it could not apply or clean up.
#[derive(Debug)]
pub enum Failure {
    /// The time ran out before something became true. With time left for the operation as a whole, the work goes on
    /// in another invocation; without, this becomes the Reason.
    OutOfTime {
        /// What never became true, a clause: "connection `x` is not ACTIVE".
        awaited: String,
        /// How the wait ended, with the last status seen.
        ended: TimedOut,
    },
    /// It cannot be done.
    Failed {
        /// What failed and why.
        error: Box<dyn Error + Send + Sync>,
        /// What to do about it, one sentence.
        hint: Option<String>,
    },
    /// CloudFormation has sent a later request for the same resource, which goes on with it. Nobody is answered.
    Overtaken,
}

impl Failure {
    /// A failure with its error chain and nothing to add.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed { error: Box::new(error), hint: None }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(self, sentence: impl Into<String>) -> Self {
        match self {
            Self::Failed { error, hint: _ } => Self::Failed { error, hint: Some(sentence.into()) },
            other @ (Self::OutOfTime { .. } | Self::Overtaken) => other,
        }
    }

    /// From a wait that ended without success; `awaited` as in [`Failure::OutOfTime`].
    pub fn of_wait<E>(
        error: WaitError<E>,
        awaited: impl Into<String>,
        failed: impl FnOnce(E) -> Self,
    ) -> Self {
        match error {
            WaitError::Failed(error) => failed(error),
            WaitError::TimedOut(ended) => Self::OutOfTime { awaited: awaited.into(), ended },
        }
    }

    /// The Reason: what failed, why, what to do.
    pub fn reason(&self) -> String {
        match self {
            Self::OutOfTime { awaited, ended } => sentence(format!("{awaited}: {ended}")),
            Self::Overtaken => "CloudFormation has sent a later request for this resource.".to_owned(),
            Self::Failed { error, hint } => {
                let hint = hint.as_ref().map(|hint| format!(" {hint}")).unwrap_or_default();
                sentence(chain(error.as_ref())) + &hint
            }
        }
    }
}

/// The text with a full stop, unless it ends already.
fn sentence(mut text: String) -> String {
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}
