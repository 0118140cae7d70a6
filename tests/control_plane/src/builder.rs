//! Starts a control plane, or a part of one.

use std::net::{Ipv4Addr, TcpStream};

use crate::api::Api;
use crate::authority::Authority;
use crate::binaries;
use crate::error::Error;
use crate::fake_members;
use crate::fake_node;
use crate::kubeconfig;
use crate::pins::Binary;
use crate::plane::ControlPlane;
use crate::ports;
use crate::processes::Processes;
use crate::recipes::Site;
use crate::server::Recipe;

/// How often a start is tried when other processes take the ports that were free a moment ago.
const TRIES: usize = 5;

/// Made by a controller in each namespace: once it is there, controllers run.
const DEFAULT_ACCOUNT: &str = "/api/v1/namespaces/default/serviceaccounts/default";

/// Says which parts of a control plane to start.
///
/// etcd and the API server are always among them.
#[derive(Debug, Clone, Copy)]
pub struct Builder {
    controller_manager: bool,
    scheduler: bool,
    kwok: bool,
    options: Options,
}

/// What the API server is started with where a test asks for it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Whose requests are written down.
    pub audited: Option<&'static str>,
    /// Whether what is inside the cluster is reached through a proxy.
    pub proxy: bool,
    /// Whether the node shows logs of its pods.
    pub kubelet: bool,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self { controller_manager: true, scheduler: true, kwok: true, options: Options::default() }
    }

    /// Leaves out kube-controller-manager: nothing follows from what is created, be it pods for a
    /// StatefulSet, garbage collection or the end of a namespace that is deleted.
    ///
    /// kwok is then left out too: it can't do without.
    #[must_use]
    pub fn without_controller_manager(mut self) -> Self {
        self.controller_manager = false;
        self.without_kwok()
    }

    /// Leaves out kube-scheduler: pods stay Pending.
    #[must_use]
    pub fn without_scheduler(mut self) -> Self {
        self.scheduler = false;
        self
    }

    /// Leaves out kwok, its node and the StorageClass `standard`: pods stay Pending and so do
    /// claims.
    #[must_use]
    pub fn without_kwok(mut self) -> Self {
        self.kwok = false;
        self
    }

    /// Has the API server write all requests of a user to [`ControlPlane::audit_log`].
    #[must_use]
    pub fn audit(mut self, user: &'static str) -> Self {
        self.options.audited = Some(user);
        self
    }

    /// Has the API server reach what is inside the cluster, above all the Services of webhooks,
    /// through a proxy that is asked to `CONNECT` to it, at [`ControlPlane::cluster_socket`]: there
    /// is no network of Services here.
    #[must_use]
    pub fn proxy_to_cluster(mut self) -> Self {
        self.options.proxy = true;
        self
    }

    /// The same, and has the node show logs as a kubelet does, on the same port of this machine:
    /// [`ControlPlane::pod_log`] is that of each container.
    #[must_use]
    pub fn kubelet(mut self) -> Self {
        self.options.kubelet = true;
        self.proxy_to_cluster()
    }

    /// Starts the control plane and waits until it is ready.
    ///
    /// # Errors
    /// If a binary can't be found or built, or if a server ends or is not ready in time.
    pub fn start(self) -> Result<ControlPlane, Error> {
        for _ in 1..TRIES {
            match self.try_start() {
                Err(error) if error.is_port_taken() => {}
                other => return other,
            }
        }
        self.try_start()
    }

    fn try_start(self) -> Result<ControlPlane, Error> {
        let kubectl = binaries::provide(Binary::Kubectl)?;
        let mut processes = Processes::new()?;
        let folder = processes.folder().to_owned();
        let site = Site {
            kubeconfig: folder.join("kubeconfig"),
            folder,
            etcd_port: ports::free()?,
            api_port: ports::free()?,
            kubelet_port: ports::free()?,
        };
        let authority = Authority::new()?;
        let url = site.url();
        let admin = authority.client("admin", &["system:masters"])?;
        kubeconfig::write(&site.kubeconfig, &url, &authority.pem(), &admin)?;
        let api = Api::new(&url, &authority.pem(), &admin)?;
        let parts = self.parts(&site, &authority)?;
        parts.start(&site, &api, &mut processes)?;
        let Parts { etcd, api_server, .. } = parts;
        Ok(ControlPlane::new(site, kubectl, authority, api, etcd, api_server, processes))
    }

    fn parts(self, site: &Site, authority: &Authority) -> Result<Parts, Error> {
        let if_wanted = |wanted: bool, recipe: fn(&Site) -> Result<Recipe, Error>| {
            wanted.then(|| recipe(site)).transpose()
        };
        Ok(Parts {
            etcd: site.etcd()?,
            api_server: site.api_server(authority, self.options)?,
            controller_manager: if_wanted(self.controller_manager, Site::controller_manager)?,
            scheduler: if_wanted(self.scheduler, Site::scheduler)?,
            kwok: self.kwok.then(|| site.kwok(self.options.kubelet, self.options.proxy)).transpose()?,
        })
    }
}

/// The servers that are wanted.
struct Parts {
    etcd: Recipe,
    api_server: Recipe,
    controller_manager: Option<Recipe>,
    scheduler: Option<Recipe>,
    kwok: Option<Recipe>,
}

impl Parts {
    /// Starts the servers, each as soon as what it needs is there, and waits until all are ready.
    fn start(&self, site: &Site, api: &Api, processes: &mut Processes) -> Result<(), Error> {
        processes.start(&self.etcd)?;
        processes.wait_until(&self.etcd, || is_open(site.etcd_port))?;
        processes.start(&self.api_server)?;
        processes.wait_until(&self.api_server, || is_open(site.api_port))?;
        // From here on the API server answers and only prepares its first objects. Started earlier,
        // the others could give up before it answers.
        let others = [&self.controller_manager, &self.kwok, &self.scheduler];
        for recipe in others.into_iter().flatten() {
            processes.start(recipe)?;
        }
        processes.wait_until(&self.api_server, || is_serving(api))?;
        if let Some(kwok) = &self.kwok {
            fake_members::start()?;
            fake_node::create(api)?;
            processes.wait_until(kwok, || fake_node::is_ready(api))?;
        }
        if let Some(controllers) = &self.controller_manager {
            processes.wait_until(controllers, || api.is_ok(DEFAULT_ACCOUNT))?;
        }
        // Above all etcd: what was found to listen on its port may have been another's.
        processes.check()
    }
}

/// Whether a server listens on `port`.
pub(crate) fn is_open(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether the API server is ready and has made its first objects.
pub(crate) fn is_serving(api: &Api) -> bool {
    api.is_ok("/readyz") && api.is_ok("/api/v1/namespaces/default")
}
