//! The event by which another function asks, and the reply.

use cloud::{Access, Caller, Endpoint, Search};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wait::Deadline;

use crate::Problem;
use crate::question::{Answer, Question};

/// `{"Tandem":"Compare","Endpoint":…,"Region":…,"Question":…}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Asked {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) master_secret_arn: Option<String>,
    pub(crate) question: Question,
}

/// `{"Answer":…}` or `{"Problem":…}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Answer(Answer),
    Problem(Problem),
}

/// Whether an event is a question, and not a request of CloudFormation's.
pub fn is_question(event: &Value) -> bool {
    event.get("Tandem").is_some_and(|what| what == "Compare")
}

/// Answers the question in an event; `open` opens the session with the domain. What goes wrong is in the reply.
pub async fn serve_question<S, F>(event: &Value, deadline: Deadline, open: impl FnOnce(Access) -> F) -> Value
where
    S: Search,
    F: Future<Output = Result<S, cloud::Error>>,
{
    let served = served(event, deadline, open).await;
    written(&served.map_or_else(Reply::Problem, Reply::Answer))
}

/// The reply to a question that is not looked at.
pub fn refuse_question(sentence: &str, hint: &str) -> Value {
    written(&Reply::Problem(Problem::lasting(sentence, hint)))
}

fn written(reply: &Reply) -> Value {
    serde_json::to_value(reply).unwrap_or_else(|error| {
        json!({ "Problem": { "Sentence": format!("the answer cannot be written: {error}"), "MayPass": false } })
    })
}

async fn served<S, F>(
    event: &Value,
    deadline: Deadline,
    open: impl FnOnce(Access) -> F,
) -> Result<Answer, Problem>
where
    S: Search,
    F: Future<Output = Result<S, cloud::Error>>,
{
    let same = "Deploy the same version of the function on both sides.";
    let asked: Asked = serde_json::from_value(event.clone())
        .map_err(|error| Problem::lasting(format!("the question cannot be read: {error}"), same))?;
    let endpoint = Endpoint::parse(&asked.endpoint).ok_or_else(|| {
        Problem::lasting(
            format!("`{}` is not a domain's endpoint", asked.endpoint),
            "Give it as DescribeDomain does, without https:// and without a path.",
        )
    })?;
    let caller = asked.master_secret_arn.map_or(Caller::Own, Caller::Secret);
    let wanted = format!("cannot call the domain at {endpoint}");
    let access = Access { endpoint, region: asked.region, caller };
    let session = open(access).await.map_err(|error| Problem::call(&wanted, &error))?;
    crate::answer(&session, &asked.question, deadline).await
}
