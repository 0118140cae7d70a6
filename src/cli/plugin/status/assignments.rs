//! Partition assignments, requested from the members through the API server's proxy.

use std::{collections::BTreeMap, time::Duration};

use futures::future;
use serde_json::Value;

use super::{member_report::Assignment, report::AppReport};
use crate::{
    cli::plugin::{cluster::Cluster, error::CliError, output::print_message, resources::AppSet},
    resources::environment,
};

/// Timeout for the response of a member.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests the assignment of each member with a pod. Prints a warning for each failed request.
pub(super) async fn fetch_assignments(cluster: &Cluster, set: &AppSet, report: &mut AppReport) {
    let Some(app) = &set.app else { return };
    let (port, path) = (environment::web_port(app), environment::status_path(app));
    let namespace = &set.namespace;
    let requests = report.members.iter_mut().filter(|member| !member.state.is_empty()).map(|member| {
        let pod = &member.pod;
        let url = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
        async move {
            match fetch_assignment(cluster, url).await {
                Ok(assignment) => member.assignment = Some(assignment),
                Err(error) => print_message(&format!("warning: {namespace}/{}: {error}", member.pod)),
            }
        }
    });
    future::join_all(requests).await;
}

async fn fetch_assignment(cluster: &Cluster, url: String) -> Result<Assignment, CliError> {
    let what = "request the assignment of the member";
    let refused = |why: String| CliError::Refused { what: what.to_owned(), why };
    let request = hyper::Request::get(url).body(Vec::new()).map_err(|error| refused(error.to_string()))?;
    let response = tokio::time::timeout(RESPONSE_TIMEOUT, cluster.client.request::<Value>(request)).await;
    let response =
        response.map_err(|_| refused(format!("no response in {} s", RESPONSE_TIMEOUT.as_secs())))?;
    let response = response.map_err(cluster.request_error(what))?;
    let count_partitions = |side: &str| -> BTreeMap<String, usize> {
        let topics = response["assignment"][side].as_object();
        let count = |partitions: &Value| partitions.as_array().map_or(0, Vec::len);
        topics.into_iter().flatten().map(|(topic, all)| (topic.clone(), count(all))).collect()
    };
    Ok(Assignment { actives: count_partitions("actives"), standbys: count_partitions("standbys") })
}
