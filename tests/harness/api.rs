//! A client of the operators' API for tests.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A client with the first operator's token.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    server: String,
    token: String,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, if it was JSON.
    pub body: Value,
}

impl Api {
    /// A client of the server at this address.
    #[must_use]
    pub fn new(server: &str, token: &str) -> Self {
        // Each request on a connection of its own: some tests make servers that close idle ones at once.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap_or_default();
        Self { http, server: server.to_owned(), token: token.to_owned() }
    }

    /// GETs a path.
    ///
    /// # Errors
    /// No answer came.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        Self::answer(self.http.get(format!("{}{path}", self.server)).bearer_auth(&self.token)).await
    }

    /// POSTs JSON to a path.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        Self::answer(self.http.post(format!("{}{path}", self.server)).bearer_auth(&self.token).json(body))
            .await
    }

    /// PUTs JSON to a path.
    ///
    /// # Errors
    /// No answer came.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        Self::answer(self.http.put(format!("{}{path}", self.server)).bearer_auth(&self.token).json(body))
            .await
    }

    /// PATCHes the resource at a path with JSON.
    ///
    /// # Errors
    /// No answer came.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        Self::answer(self.http.patch(format!("{}{path}", self.server)).bearer_auth(&self.token).json(body))
            .await
    }

    /// DELETEs the resource at a path.
    ///
    /// # Errors
    /// No answer came.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        Self::answer(self.http.delete(format!("{}{path}", self.server)).bearer_auth(&self.token)).await
    }

    async fn answer(request: reqwest::RequestBuilder) -> Result<Answer> {
        let response = request.timeout(Duration::from_secs(30)).send().await?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.json().await.unwrap_or_default() })
    }

    /// Makes an enrolment link with many uses; its address.
    ///
    /// # Errors
    /// The server refused.
    pub async fn link(&self, ownership: &str) -> Result<String> {
        let body = json!({"ownership": ownership, "uses_limit": 10_000, "owner": "Ada Lovelace"});
        let made = self.post("/api/v1/links", &body).await?;
        made.body["url"].as_str().map(str::to_owned).with_context(|| format!("no link: {made:?}"))
    }

    /// Sends a command to one target; the number of its delivery.
    ///
    /// # Errors
    /// The server refused it.
    pub async fn send(&self, target: &str, command: Value) -> Result<i64> {
        let answer = self.post("/api/v1/commands", &json!({"targets": [target], "command": command})).await?;
        answer.body["queued"][0]["delivery"].as_i64().with_context(|| format!("not queued: {answer:?}"))
    }

    /// The evidence of a delivery.
    ///
    /// # Errors
    /// It is not there.
    pub async fn evidence(&self, delivery: i64) -> Result<Value> {
        let answer = self.get(&format!("/api/v1/deliveries/{delivery}")).await?;
        if answer.status != 200 {
            bail!("no evidence of delivery {delivery}: {answer:?}");
        }
        Ok(answer.body)
    }

    /// The state of a delivery, such as `acknowledged`.
    ///
    /// # Errors
    /// It is not there.
    pub async fn state(&self, delivery: i64) -> Result<String> {
        Ok(self.evidence(delivery).await?["delivery"]["state"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a delivery has this state.
    ///
    /// # Errors
    /// It does not within half a minute.
    pub async fn wait_state(&self, delivery: i64, state: &str) -> Result<Value> {
        let mut last = Value::Null;
        for _ in 0..300 {
            last = self.evidence(delivery).await?;
            if last["delivery"]["state"] == state {
                return Ok(last);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("delivery {delivery} never became {state}: {last:#}")
    }

    /// Waits until the JSON at `path` satisfies `good`.
    ///
    /// # Errors
    /// It does not within half a minute.
    pub async fn wait(&self, path: &str, good: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        for _ in 0..300 {
            last = self.get(path).await?.body;
            if good(&last) {
                return Ok(last);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{path} never became what was waited for: {last:#}")
    }
}
