//! Connection to a cluster.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use kube::{
    Api, Client, Config, Resource,
    api::{ApiResource, ListParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::DynamicObject,
};

use super::{error::CliError, resources::Resources};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprResource, KasprTable, KasprTask, KasprWebView, Kind},
    cli::kubeconfig,
    error_chain::describe,
    naming::APP_LABEL,
};

/// Timeout for connecting, short because a user waits for the result.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Arguments that select a cluster and a namespace.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClusterArgs {
    /// Namespace [default: the namespace of the context]
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig [default: the current context]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Kubeconfig file [default: the files of KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// The same arguments before the subcommand, where kubectl accepts them too. Clap passes the values on to the
/// arguments of the same name of a subcommand.
#[derive(Args, Debug)]
pub(crate) struct GlobalClusterArgs {
    /// Namespace [default: the namespace of the context]
    #[arg(short, long, value_name = "NAME", global = true)]
    namespace: Option<String>,
    /// Context of the kubeconfig [default: the current context]
    #[arg(long, value_name = "NAME", global = true)]
    context: Option<String>,
    /// Kubeconfig file [default: the files of KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", global = true)]
    kubeconfig: Option<PathBuf>,
}

/// A connection to a cluster.
#[derive(Clone)]
pub(super) struct Cluster {
    /// Client of the API server.
    pub client: Client,
    /// Namespace of the arguments, or of the context.
    pub namespace: String,
    url: String,
}

impl Cluster {
    /// Connects to the cluster of the arguments, or else of the kubeconfig, or else of the pod in which the
    /// program runs.
    ///
    /// # Errors
    ///
    /// No cluster is configured.
    pub(super) async fn connect(args: &ClusterArgs) -> Result<Self, CliError> {
        let ClusterArgs { namespace, context, kubeconfig } = args;
        let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
        let invalid = |error: &(dyn std::error::Error + 'static)| CliError::Kubeconfig(describe(error));
        let config = match kubeconfig {
            Some(file) => {
                let read = Kubeconfig::read_from(file).map_err(|error| invalid(&error))?;
                Config::from_custom_kubeconfig(read, &options).await.map_err(|error| invalid(&error))
            }
            None => kubeconfig::infer(context.as_deref()).await.map_err(CliError::Kubeconfig),
        };
        let mut config = config?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let url = config.cluster_url.to_string();
        let namespace = namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| invalid(&error))?;
        Ok(Self { client, namespace, url })
    }

    /// Returns a function that converts the error of a request. `what` is the operation: `VERB OBJECT`.
    pub(super) fn request_error<W: Into<String>>(
        &self,
        what: W,
    ) -> impl FnOnce(kube::Error) -> CliError + use<W> {
        let url = self.url.clone();
        let what = what.into();
        move |error| CliError::from_request(what, &url, &error)
    }

    /// Lists the resources of one app or of all apps, in one namespace or in all namespaces. Resources that
    /// cannot be parsed are skipped with a warning.
    ///
    /// # Errors
    ///
    /// A request fails.
    pub(super) async fn resources(
        &self,
        namespace: Option<&str>,
        app: Option<&str>,
    ) -> Result<Resources, CliError> {
        let components_of_app = match app {
            Some(app) => ListParams::default().labels(&format!("{APP_LABEL}={app}")),
            None => ListParams::default(),
        };
        let app_by_name = match app {
            Some(app) => ListParams::default().fields(&format!("metadata.name={app}")),
            None => ListParams::default(),
        };
        let lists = futures::future::try_join_all([
            self.list::<KasprApp>(namespace, app_by_name),
            self.list::<KasprAgent>(namespace, components_of_app.clone()),
            self.list::<KasprTable>(namespace, components_of_app.clone()),
            self.list::<KasprTask>(namespace, components_of_app.clone()),
            self.list::<KasprWebView>(namespace, components_of_app.clone()),
            self.list::<KasprJoin>(namespace, components_of_app),
        ]);
        let mut resources = Resources::default();
        for (kind, objects) in lists.await? {
            let values = objects.into_iter().map(|object| serde_json::to_value(object).unwrap_or_default());
            resources.extend(values.map(|value| (kind, value)));
        }
        Ok(resources)
    }

    fn list<K: KasprResource>(
        &self,
        namespace: Option<&str>,
        params: ListParams,
    ) -> futures::future::BoxFuture<'static, Result<(Kind, Vec<DynamicObject>), CliError>> {
        let api = self.api::<K>(namespace);
        let (kind, plural) = (K::KIND, K::KIND.plural());
        let request_error = self.request_error(format!("read {plural}"));
        Box::pin(async move { Ok((kind, api.list(&params).await.map_err(request_error)?.items)) })
    }

    /// Returns the API of a kind, without a schema for the resources.
    pub(super) fn api<K: Resource<DynamicType = ()>>(&self, namespace: Option<&str>) -> Api<DynamicObject> {
        let kind = ApiResource::erase::<K>(&());
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        }
    }

    /// Returns the error for an app that does not exist, with the apps that do.
    pub(super) async fn app_not_found(&self, name: &str) -> CliError {
        let all = ListParams::default();
        let mut listed = self.api::<KasprApp>(None).list_metadata(&all).await;
        if listed.is_err() {
            // Few users may list apps in all namespaces.
            listed = self.api::<KasprApp>(Some(&self.namespace)).list_metadata(&all).await;
        }
        let Ok(listed) = listed else {
            let hint = "existing apps cannot be listed".to_owned();
            return CliError::AppNotFound { name: name.to_owned(), namespace: self.namespace.clone(), hint };
        };
        let existing: Vec<(String, String)> = listed
            .items
            .into_iter()
            .filter_map(|app| Some((app.metadata.namespace?, app.metadata.name?)))
            .collect();
        let elsewhere: Vec<&str> =
            existing.iter().filter(|(_, app)| app == name).map(|(namespace, _)| namespace.as_str()).collect();
        let here: Vec<&str> = existing
            .iter()
            .filter(|(namespace, _)| *namespace == self.namespace)
            .map(|(_, app)| app.as_str())
            .collect();
        let hint = match (elsewhere.as_slice(), here.as_slice()) {
            ([], []) => "the namespace has no apps; use -n to select another namespace".to_owned(),
            ([], here) => format!("existing apps: {}", here.join(", ")),
            (elsewhere, _) => format!("an app of this name exists in: {} (use -n)", elsewhere.join(", ")),
        };
        CliError::AppNotFound { name: name.to_owned(), namespace: self.namespace.clone(), hint }
    }
}
