//! A domain whose answers somebody changes on their way.

use cloud::fake::SearchSession;
use cloud::{Answer, Method, Search, SearchError};
use compare::{Near, Side};
use serde_json::Value;

use crate::support::near;
use cloud::fake::World;

/// What becomes of an answer, by the path that was asked for.
type Change = fn(&str, &mut Value);

#[derive(Clone, Debug)]
struct Tampered {
    inner: SearchSession,
    change: Change,
}

/// A side whose answers are changed.
pub(crate) async fn tampered(world: &World, host: &str, change: Change) -> impl Side {
    let Near(inner) = near(world, host).await;
    Near(Tampered { inner, change })
}

impl Search for Tampered {
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, SearchError> {
        self.inner.send(method, path, body).await
    }

    async fn read(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Option<String>, SearchError> {
        let text = self.inner.read(method, path, body, most).await?;
        Ok(text.map(|text| match serde_json::from_str(&text) {
            Ok(mut answer) => {
                (self.change)(path, &mut answer);
                answer.to_string()
            }
            Err(_) => text,
        }))
    }
}
