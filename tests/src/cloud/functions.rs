//! The functions of a stack, by the Lambda API.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::cloud::{Cloud, authorization};

impl Cloud {
    /// Invokes a function of the stack, with its role's permissions, and returns its response.
    ///
    /// # Errors
    /// The request fails, or the function reports an error.
    pub async fn invoke(
        &self,
        function: &str,
        payload: &serde_json::Value,
    ) -> Result<serde_json::Value> {
        let stack = self.stack().await?;
        let name = stack
            .functions
            .get(function)
            .with_context(|| format!("there is no function {function}"))?;
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.clients.endpoint_url);
        let (authorization, payload) = (authorization("lambda"), payload.to_string());
        tokio::task::spawn_blocking(move || {
            let mut response =
                ureq::post(&url).header("authorization", &authorization).send(&payload)?;
            let has_failed = response.headers().contains_key("x-amz-function-error");
            let text = response.body_mut().read_to_string()?;
            anyhow::ensure!(!has_failed, "the function failed: {text}");
            serde_json::from_str(&text).with_context(|| text)
        })
        .await?
    }

    /// The environment variables of a function.
    ///
    /// # Errors
    /// The request fails.
    pub async fn function_environment(&self, name: &str) -> Result<serde_json::Value> {
        let path = format!("/2015-03-31/functions/{name}/configuration");
        Ok(self.get_json(&path).await?["Environment"]["Variables"].clone())
    }

    /// Replaces the environment variables of a function.
    ///
    /// # Errors
    /// The request fails.
    pub async fn set_function_environment(
        &self,
        name: &str,
        variables: &serde_json::Value,
    ) -> Result<()> {
        let url =
            format!("{}/2015-03-31/functions/{name}/configuration", self.clients.endpoint_url);
        let body = serde_json::json!({"Environment": {"Variables": variables}}).to_string();
        tokio::task::spawn_blocking(move || {
            let request = ureq::put(&url).header("authorization", &authorization("lambda"));
            request.send(&body).with_context(|| format!("PUT {url}"))?;
            Ok(())
        })
        .await?
    }

    /// The mappings of a function by their ids, and whether each is enabled.
    ///
    /// # Errors
    /// The request fails.
    pub async fn mappings(&self, function: &str) -> Result<BTreeMap<String, bool>> {
        let path = format!("/2015-03-31/event-source-mappings/?FunctionName={function}");
        let answer = self.get_json(&path).await?;
        let all = answer["EventSourceMappings"].as_array().with_context(|| answer.to_string())?;
        let mapping = |each: &serde_json::Value| {
            Some((each["UUID"].as_str()?.to_string(), each["State"] == "Enabled"))
        };
        Ok(all.iter().filter_map(mapping).collect())
    }

    /// Switches a mapping on or off.
    ///
    /// # Errors
    /// The request fails.
    pub async fn set_mapping(&self, id: &str, is_enabled: bool) -> Result<()> {
        let url = format!("{}/2015-03-31/event-source-mappings/{id}", self.clients.endpoint_url);
        let body = serde_json::json!({"Enabled": is_enabled}).to_string();
        tokio::task::spawn_blocking(move || {
            let request = ureq::put(&url).header("authorization", &authorization("lambda"));
            request.send(&body).with_context(|| format!("PUT {url}"))?;
            Ok(())
        })
        .await?
    }
}
