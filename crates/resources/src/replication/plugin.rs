//! The calls to the replication plugin of a follower.

use cloud::{Cloud, Method, Search, SearchError, segment};
use serde_json::{Value, json};

use super::status::{Source, Status, read};
use super::{Ended, Following, ended};
use crate::domain::{Problem, open};

const API: &str = "_plugins/_replication";
/// The setting of a follower's index by which it follows, `alias:index`; null after a stop.
const FOLLOWED: &str = "index.plugins.replication.follower.leader_index";

/// The plugin of a follower's domain.
pub(crate) struct Plugin<'a, S> {
    session: S,
    following: &'a Following,
}

impl<'a, S: Search> Plugin<'a, S> {
    pub(crate) async fn open<C: Cloud<Search = S>>(
        cloud: &C,
        following: &'a Following,
    ) -> Result<Self, Problem> {
        Ok(Self { session: open(cloud, &following.access()).await?, following })
    }

    /// What the plugin says of an index.
    pub(crate) async fn status(&self, index: &str) -> Result<Status, Problem> {
        let path = format!("{API}/{}/_status", segment(index));
        match self.session.send(Method::Get, &path, None).await {
            Ok(answer) => Ok(read(&answer.body)),
            Err(error) => match error.refusal() {
                // For as long as the leader is down, or its index closed.
                Some(refusal) if refusal.is("replication_exception") => {
                    Ok(Status::LeaderSilent(refusal.reason.clone()))
                }
                Some(_) | None => {
                    let wanted = format!("cannot see how index `{index}` follows");
                    Err(ended(error, &wanted, self.following).into_problem(&wanted))
                }
            },
        }
    }

    /// What an index follows by its own settings: they tell even while the plugin says that nothing is in progress. None
    /// for an ordinary index, and where there is none.
    pub(crate) async fn source(&self, index: &str) -> Result<Option<Source>, Problem> {
        let path = format!("{}/_settings/{FOLLOWED}?flat_settings=true", segment(index));
        match self.session.send(Method::Get, &path, None).await {
            Ok(answer) => {
                let told = answer.body.get(index).and_then(|it| it.pointer(&format!("/settings/{FOLLOWED}")));
                Ok(told.and_then(Value::as_str).and_then(Source::parse))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Problem::search(format!("cannot see what index `{index}` follows"))(error)),
        }
    }

    /// What an index follows, as its status or its settings tell. `Err` of a domain that lets nobody see them is
    /// [`Problem::is_forbidden`].
    pub(crate) async fn followed(&self, index: &str) -> Result<Option<Source>, Problem> {
        match self.status(index).await? {
            Status::Follows { source, .. } => Ok(Some(source)),
            // As for one whose leader's index or connection is gone, or whose leader is down.
            Status::Idle | Status::Unknown(_) | Status::LeaderSilent(_) => self.source(index).await,
        }
    }

    /// Begins to follow.
    pub(crate) async fn start(&self, index: &str, leader_index: &str) -> Result<(), Ended> {
        let body = self.with_settings(json!({
            "leader_alias": self.following.alias,
            "leader_index": leader_index,
            "use_roles": self.following.use_roles(),
        }));
        let wanted = format!("cannot follow leader index `{leader_index}` as `{index}`");
        self.change(Method::Put, &format!("{}/_start", segment(index)), &body, &wanted).await
    }

    pub(crate) async fn resume(&self, index: &str) -> Result<(), Ended> {
        let wanted = format!("cannot resume index `{index}`");
        self.change(Method::Post, &format!("{}/_resume", segment(index)), &json!({}), &wanted).await
    }

    pub(crate) async fn stop(&self, index: &str) -> Result<(), Ended> {
        let wanted = format!("cannot stop index `{index}` from following");
        self.change(Method::Post, &format!("{}/_stop", segment(index)), &json!({}), &wanted).await
    }

    /// Replaces the settings that are not taken over from the leader.
    pub(crate) async fn update(&self, index: &str) -> Result<(), Ended> {
        let body = json!({ "settings": self.following.settings });
        let wanted = format!("cannot set the settings of index `{index}`");
        self.change(Method::Put, &format!("{}/_update", segment(index)), &body, &wanted).await
    }

    /// Deletes an index that does not follow any more. That there is none is success.
    pub(crate) async fn delete_index(&self, index: &str) -> Result<(), Problem> {
        match self.session.send(Method::Delete, &segment(index), None).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => {
                Err(Problem::search(format!("cannot delete index `{index}` on the follower"))(error))
            }
        }
    }

    /// The rule of this name, as its task tells.
    pub(crate) async fn rule(&self, name: &str) -> Result<Option<FollowRule>, Problem> {
        let rules = self.rules().await?;
        let is_it = |rule: &&Value| rule.get("name").and_then(Value::as_str) == Some(name);
        Ok(rules.iter().find(is_it).map(FollowRule::read))
    }

    /// The patterns of all rules of this connection but the one of this name; of all rules, where the plugin's version
    /// does not tell which.
    pub(crate) async fn other_patterns(&self, name: &str) -> Result<Vec<String>, Problem> {
        let rules = self.rules().await?;
        let is_other = |rule: &&Value| rule.get("name").and_then(Value::as_str) != Some(name);
        Ok(rules.iter().filter(is_other).map(|rule| FollowRule::read(rule).pattern).collect())
    }

    async fn rules(&self) -> Result<Vec<Value>, Problem> {
        let path = format!("{API}/autofollow_stats");
        let answer = self.session.send(Method::Get, &path, None).await.map_err(|error| {
            let wanted = "cannot see the rules of the follower".to_owned();
            Problem::search(wanted)(error)
        })?;
        let alias = self.following.alias.as_str();
        let rules = answer.body.get("autofollow_stats").and_then(Value::as_array).into_iter().flatten();
        // Versions that tell the connection have rules of one name on several.
        let is_here =
            |rule: &&Value| rule.get("leader_alias").and_then(Value::as_str).is_none_or(|told| told == alias);
        Ok(rules.filter(is_here).cloned().collect())
    }

    /// Makes a rule. Where there is one of the name, its pattern is overwritten and the call fails all the same: look
    /// first.
    pub(crate) async fn make_rule(
        &self,
        name: &str,
        pattern: &str,
        naming: Option<String>,
    ) -> Result<(), Ended> {
        let mut body = self.with_settings(json!({
            "leader_alias": self.following.alias,
            "name": name,
            "pattern": pattern,
            "use_roles": self.following.use_roles(),
        }));
        if let (Some(naming), Some(members)) = (naming, body.as_object_mut()) {
            members.insert("follower_index_pattern".to_owned(), naming.into());
        }
        self.change(Method::Post, "_autofollow", &body, &format!("cannot make rule `{name}`")).await
    }

    /// Deletes a rule; what follows because of it goes on following.
    pub(crate) async fn delete_rule(&self, name: &str) -> Result<(), Ended> {
        let body = json!({ "leader_alias": self.following.alias, "name": name });
        self.change(Method::Delete, "_autofollow", &body, &format!("cannot delete rule `{name}`")).await
    }

    /// The open indexes that match a pattern.
    pub(crate) async fn matching(&self, pattern: &str) -> Result<Vec<String>, Problem> {
        let path = format!("_resolve/index/{}", segment(pattern));
        let wanted = || format!("cannot list the indexes of the follower that match `{pattern}`");
        let sent = self.session.send(Method::Get, &path, None).await;
        let answer = sent.map_err(|error| Problem::search(wanted())(error))?;
        let is_open = |index: &&Value| {
            let attributes = index.get("attributes").and_then(Value::as_array);
            attributes.is_none_or(|attributes| !attributes.iter().any(|attribute| attribute == "closed"))
        };
        let indexes = answer.body.get("indices").and_then(Value::as_array).into_iter().flatten();
        let named =
            indexes.filter(is_open).filter_map(|index| index.get("name")?.as_str().map(str::to_owned));
        Ok(named.collect())
    }

    /// Together with the settings, where there are any.
    fn with_settings(&self, mut body: Value) -> Value {
        let settings = &self.following.settings;
        if let Some(members) = body.as_object_mut().filter(|_| !settings.is_empty()) {
            members.insert("settings".to_owned(), Value::Object(settings.clone()));
        }
        body
    }

    async fn change(&self, method: Method, path: &str, body: &Value, wanted: &str) -> Result<(), Ended> {
        let sent = self.session.send(method, &format!("{API}/{path}"), Some(body)).await;
        sent.map(drop).map_err(|error| ended(error, wanted, self.following))
    }
}

/// A rule, as its task tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FollowRule {
    pub(crate) pattern: String,
    /// When it looked last, in milliseconds since 1970; 0 before it has.
    pub(crate) looked: u64,
    /// Leader indexes that could not be started; tried again after an hour.
    pub(crate) failed: Vec<String>,
    /// How often the leader did not answer.
    pub(crate) silences: u64,
}

impl FollowRule {
    fn read(told: &Value) -> Self {
        let number = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or_default();
        let failed = told.get("failed_indices").and_then(Value::as_array).into_iter().flatten();
        Self {
            pattern: told.get("pattern").and_then(Value::as_str).unwrap_or_default().to_owned(),
            looked: number("last_execution_time"),
            failed: failed.filter_map(|index| index.as_str().map(str::to_owned)).collect(),
            silences: number("num_failed_leader_calls"),
        }
    }
}

fn is_missing(error: &SearchError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.is("index_not_found_exception"))
}
