//! The cluster that a subcommand talks to.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use kube::{
    Api, Client, Config, Resource,
    api::{ApiResource, ListParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::DynamicObject,
};

use super::{CliError, resources::Resources};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprResource, KasprTable, KasprTask, KasprWebView, Kind},
    error_chain::describe,
    naming::APP_LABEL,
};

/// How long a connection may take: somebody looks at the screen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which cluster, and where in it.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    /// Namespace [default: that of the context]
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Kubeconfig file [default: those of KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// A cluster.
#[derive(Clone)]
pub struct Cluster {
    /// Its API.
    pub client: Client,
    /// The namespace that was asked for.
    pub namespace: String,
    url: String,
}

impl Cluster {
    /// The cluster of the arguments, or of the kubeconfig, or the one context this pod.
    ///
    /// Errors: none is configured.
    pub async fn connect(args: &ClusterArgs) -> Result<Self, CliError> {
        let ClusterArgs { namespace, context, kubeconfig } = args;
        let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
        let no = |error: &(dyn std::error::Error + 'static)| CliError::Kubeconfig(describe(error));
        let config = match kubeconfig {
            Some(file) => {
                let read = Kubeconfig::read_from(file).map_err(|error| no(&error))?;
                Config::from_custom_kubeconfig(read, &options).await.map_err(|error| no(&error))
            }
            None if context.is_some() => Config::from_kubeconfig(&options).await.map_err(|error| no(&error)),
            None => Config::infer().await.map_err(|error| no(&error)),
        };
        let mut config = config?;
        config.connect_timeout = Some(PATIENCE);
        let url = config.cluster_url.to_string();
        let namespace = namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| no(&error))?;
        Ok(Self { client, namespace, url })
    }

    /// What a failed request means.
    pub fn trouble<W: Into<String>>(&self, what: W) -> impl FnOnce(kube::Error) -> CliError + use<W> {
        let url = self.url.clone();
        let what = what.into();
        move |error| CliError::of(what, &url, &error)
    }

    /// The resources of a namespace, or of all: those of one app or of every app. What can't be read
    /// is left out and told.
    ///
    /// Errors: a request fails.
    pub async fn resources(&self, namespace: Option<&str>, app: Option<&str>) -> Result<Resources, CliError> {
        let of_app = match app {
            Some(app) => ListParams::default().labels(&format!("{APP_LABEL}={app}")),
            None => ListParams::default(),
        };
        let named = match app {
            Some(app) => ListParams::default().fields(&format!("metadata.name={app}")),
            None => ListParams::default(),
        };
        let lists = futures::future::try_join_all([
            self.list::<KasprApp>(namespace, named),
            self.list::<KasprAgent>(namespace, of_app.clone()),
            self.list::<KasprTable>(namespace, of_app.clone()),
            self.list::<KasprTask>(namespace, of_app.clone()),
            self.list::<KasprWebView>(namespace, of_app.clone()),
            self.list::<KasprJoin>(namespace, of_app),
        ]);
        let mut resources = Resources::default();
        for (kind, objects) in lists.await? {
            for object in objects {
                resources.add_or_tell(kind, serde_json::to_value(object).unwrap_or_default());
            }
        }
        Ok(resources)
    }

    fn list<K: KasprResource>(
        &self,
        namespace: Option<&str>,
        which: ListParams,
    ) -> futures::future::BoxFuture<'static, Result<(Kind, Vec<DynamicObject>), CliError>> {
        let api = self.api::<K>(namespace);
        let (kind, plural) = (K::KIND, K::KIND.plural());
        let trouble = self.trouble(format!("read {plural}"));
        Box::pin(async move { Ok((kind, api.list(&which).await.map_err(trouble)?.items)) })
    }

    /// The resources of a kind, whatever is in them.
    pub fn api<K: Resource<DynamicType = ()>>(&self, namespace: Option<&str>) -> Api<DynamicObject> {
        let kind = ApiResource::erase::<K>(&());
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        }
    }

    /// Why an app was not found: what there is in its place.
    pub async fn no_app(&self, name: &str) -> CliError {
        let all = ListParams::default();
        let mut listed = self.api::<KasprApp>(None).list_metadata(&all).await;
        if listed.is_err() {
            // Few may see all namespaces.
            listed = self.api::<KasprApp>(Some(&self.namespace)).list_metadata(&all).await;
        }
        let Ok(listed) = listed else {
            let known = "and what there is can't be listed".to_owned();
            return CliError::NoApp { name: name.to_owned(), namespace: self.namespace.clone(), known };
        };
        let places: Vec<(String, String)> = listed
            .items
            .into_iter()
            .filter_map(|app| Some((app.metadata.namespace?, app.metadata.name?)))
            .collect();
        let elsewhere: Vec<&str> =
            places.iter().filter(|(_, app)| app == name).map(|(namespace, _)| namespace.as_str()).collect();
        let here: Vec<&str> = places
            .iter()
            .filter(|(namespace, _)| *namespace == self.namespace)
            .map(|(_, app)| app.as_str())
            .collect();
        let known = match (elsewhere.as_slice(), here.as_slice()) {
            ([], []) => "it has none; -n names another namespace".to_owned(),
            ([], here) => format!("it has: {}", here.join(", ")),
            (elsewhere, _) => format!("there is one in: {} (-n)", elsewhere.join(", ")),
        };
        CliError::NoApp { name: name.to_owned(), namespace: self.namespace.clone(), known }
    }
}
