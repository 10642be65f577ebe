//! Whom questions go to: this function's own session, or another function.

use cloud::{Endpoint, Peer, Search};
use serde_json::json;
use wait::Deadline;

use crate::problem::Problem;
use crate::question::{Answer, Question};
use crate::serve::{Asked, Reply};

/// One of the two sides of a comparison.
pub trait Side: Send + Sync {
    /// Asks it. An answer takes less than two minutes, whatever the deadline allows: long readings come in parts.
    fn ask(
        &self,
        question: &Question,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

/// A side whose domain this function reads itself.
#[derive(Clone, Debug)]
pub struct Near<S>(pub S);

impl<S: Search> Side for Near<S> {
    async fn ask(&self, question: &Question, deadline: Deadline) -> Result<Answer, Problem> {
        crate::answer(&self.0, question, deadline).await
    }
}

/// A side whose own function reads its domain, so that no network path leads there.
#[derive(Clone, Debug)]
pub struct Far<P> {
    /// The function.
    pub peer: P,
    /// Where its domain answers.
    pub endpoint: Endpoint,
    /// The Region of the domain.
    pub region: String,
    /// The secret of the user who reads; none means the function's own role.
    pub secret: Option<String>,
}

impl<P: Peer> Side for Far<P> {
    async fn ask(&self, question: &Question, deadline: Deadline) -> Result<Answer, Problem> {
        let wanted = "cannot ask the function of that side";
        let asked = Asked {
            endpoint: self.endpoint.as_str().to_owned(),
            region: self.region.clone(),
            master_secret_arn: self.secret.clone(),
            question: question.clone(),
        };
        let unreadable = |words: String| Problem::passing(format!("{wanted}: {words}"));
        let mut payload = serde_json::to_value(asked).map_err(|error| unreadable(error.to_string()))?;
        if let Some(members) = payload.as_object_mut() {
            members.insert("Tandem".to_owned(), json!("Compare"));
        }
        let asking = deadline.limit(self.peer.ask(&payload.to_string())).await;
        let text = asking
            .ok_or_else(|| unreadable("there was no time left for its answer".to_owned()))?
            .map_err(|error| Problem::call(wanted, &error))?;
        match serde_json::from_str(&text) {
            Ok(Reply::Answer(answer)) => Ok(answer),
            Ok(Reply::Problem(problem)) => Err(problem),
            Err(error) => Err(Problem::lasting(
                format!("{wanted}: its answer cannot be read: {error}"),
                "Deploy the same version of the function on both sides.",
            )),
        }
    }
}

/// Either of them.
#[derive(Clone, Debug)]
pub enum AnySide<S, P> {
    /// Read by this function.
    Near(Near<S>),
    /// Read by that side's own.
    Far(Far<P>),
}

impl<S: Search, P: Peer> Side for AnySide<S, P> {
    async fn ask(&self, question: &Question, deadline: Deadline) -> Result<Answer, Problem> {
        match self {
            Self::Near(near) => near.ask(question, deadline).await,
            Self::Far(far) => far.ask(question, deadline).await,
        }
    }
}
