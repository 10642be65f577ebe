//! What can go wrong with what a domain is asked for, in the words that CloudFormation shows.

use cloud::{Code, SearchError};
use custom_resource::{Change, Failure};
use wait::{Retry, Retryable};

use crate::claim::{Barred, Holder, holder_text};
use crate::far::role_hint;

/// Why something cannot be had on a domain, or cannot be removed from it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// A call to AWS.
    #[error("{context}")]
    Call {
        context: String,
        #[source]
        source: cloud::Error,
    },
    /// A call to the domain.
    #[error("{context}")]
    Search {
        /// Which side, and what was wanted.
        context: String,
        #[source]
        source: Box<SearchError>,
    },
    /// A question of a comparison that has no answer.
    #[error("{context}")]
    Compare {
        context: String,
        #[source]
        source: Box<compare::Problem>,
    },
    /// It will not become true by waiting. What, and what to do.
    #[error("{what}")]
    Dead { what: String, hint: String },
    /// Another stack's.
    #[error("{what} is managed by {}", holder_text(.holder.as_ref()))]
    Held { what: String, holder: Option<Holder> },
    /// Ours, in the words of another version.
    #[error("the claim `{claim}` of this resource cannot be read by this version of the function")]
    Unreadable { claim: String },
    /// Another delivery of the request failed and takes back what was made.
    #[error("{reason}")]
    TakenBack { reason: String },
    /// CloudFormation has sent a later request for the resource.
    #[error("CloudFormation has sent a later request for this resource")]
    Overtaken,
    /// The claim went away under us.
    #[error(
        "the claim `{claim}` was released meanwhile, by the deletion of its stack or by another delivery of this request \
         that failed"
    )]
    Revoked { claim: String },
}

impl Problem {
    /// A claim that bars the way. `what` is the thing, for a person.
    pub(crate) fn barred(barred: Barred, claim: &str, what: &str) -> Self {
        let claim = claim.to_owned();
        match barred {
            Barred::Held(holder) => Self::Held { what: what.to_owned(), holder },
            Barred::Unreadable => Self::Unreadable { claim },
            Barred::TakenBack(reason) => Self::TakenBack { reason },
            Barred::Overtaken => Self::Overtaken,
            Barred::Revoked => Self::Revoked { claim },
            Barred::Call(source) => Self::ledger(&claim)(source),
        }
    }

    /// A failed call about a claim.
    pub(crate) fn ledger(claim: &str) -> impl Fn(cloud::Error) -> Self {
        move |source| Self::Call { context: format!("cannot keep the claim `{claim}`"), source }
    }

    /// A failed call to a domain.
    pub(crate) fn search(context: impl Into<String>) -> impl FnOnce(SearchError) -> Self {
        let context = context.into();
        move |source| Self::Search { context, source: Box::new(source) }
    }

    /// A failed question of a comparison.
    pub(crate) fn comparing(context: impl FnOnce() -> String) -> impl FnOnce(compare::Problem) -> Self {
        move |source| Self::Compare { context: context(), source: Box::new(source) }
    }

    /// Whether nobody else would take back what was made: a failed replacement's, because CloudFormation may never
    /// mention its id again; and what was made by whoever lost its claim.
    pub(crate) fn takes_back(&self, change: Change, is_held: bool, has_made: bool) -> bool {
        match self {
            Self::TakenBack { .. } | Self::Overtaken => false,
            Self::Revoked { .. } => has_made,
            Self::Call { .. }
            | Self::Search { .. }
            | Self::Compare { .. }
            | Self::Dead { .. }
            | Self::Held { .. }
            | Self::Unreadable { .. } => is_held && change == Change::Replacement,
        }
    }

    /// The domain refused for want of a role that allows it.
    pub(crate) fn is_forbidden(&self) -> bool {
        let Self::Search { source, .. } = self else { return false };
        source.refusal().is_some_and(|refusal| refusal.is("security_exception"))
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Call { source, .. } => call_hint(source),
            Self::Search { source, .. } => search_hint(source),
            Self::Compare { source, .. } => source.hint.clone(),
            Self::Dead { hint, .. } => Some(hint.clone()),
            Self::Held { .. } => Some("Delete it from that stack first, or give it another name.".to_owned()),
            Self::Unreadable { .. } => Some(
                "Deploy the version of the function that wrote it, or a newer one, and try again.".to_owned(),
            ),
            Self::TakenBack { .. } | Self::Overtaken | Self::Revoked { .. } => None,
        }
    }
}

impl Retryable for Problem {
    fn retry(&self) -> Retry {
        match self {
            Self::Call { source, .. } => source.retry(),
            Self::Search { source, .. } => source.retry(),
            Self::Compare { source, .. } => source.retry(),
            Self::Dead { .. }
            | Self::Held { .. }
            | Self::Unreadable { .. }
            | Self::TakenBack { .. }
            | Self::Overtaken
            | Self::Revoked { .. } => Retry::Never,
        }
    }
}

fn call_hint(error: &cloud::Error) -> Option<String> {
    match (error.operation, &error.code) {
        ("AssumeRole", code) => Some(role_hint(code)),
        ("PutParameter" | "GetParameter" | "DeleteParameter", Code::AccessDenied) => {
            Some("Allow it on the claims path in the function's role.".to_owned())
        }
        ("GetSecretValue", Code::AccessDenied) => Some(
            "Allow secretsmanager:GetSecretValue on MasterSecretArn in the function's role, and kms:Decrypt if a key of \
             your own encrypts it."
                .to_owned(),
        ),
        ("GetSecretValue", Code::ResourceNotFound) => {
            Some("Check MasterSecretArn: the secret must be in the function's Region.".to_owned())
        }
        (_, _) => None,
    }
}

fn search_hint(error: &SearchError) -> Option<String> {
    let refusal = error.refusal()?;
    let method = refusal.request.split(' ').next().unwrap_or_default();
    let action = format!(
        "es:ESHttp{}{}",
        method.get(..1).unwrap_or_default(),
        method.get(1..).unwrap_or_default().to_lowercase()
    );
    if refusal.is_by_iam() {
        return Some(format!(
            "Allow {action} on the domain's paths both in the policy of the role that calls and in the domain's access \
             policy, and check the Region."
        ));
    }
    match refusal.status {
        401 => {
            Some("Check that the secret holds a user of the domain, or leave MasterSecretArn out.".to_owned())
        }
        403 if refusal.is("FORBIDDEN") => Some(format!(
            "Map {} to all_access there, as the domain's master user, or set MasterSecretArn to the secret of its master \
             user.",
            user(&refusal.reason).map_or("the calling role".to_owned(), |user| format!("`{user}`"))
        )),
        403 if refusal.is("security_exception") => Some(format!(
            "Map {} to a role that allows it there.",
            user(&refusal.reason).map_or("the calling role".to_owned(), |user| format!("`{user}`"))
        )),
        _ => None,
    }
}

/// Whom a refusal names: `User [name=X, …` or `User X with …`.
pub(crate) fn user(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("User ")?;
    match rest.strip_prefix("[name=") {
        Some(rest) => rest.split(',').next(),
        None => rest.split(' ').next(),
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        if matches!(problem, Problem::Overtaken) {
            return Self::Overtaken;
        }
        let hint = problem.hint();
        let failure = Self::new(problem);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
