//! A stream of writes through the API server, as dry runs.

use std::{
    fmt,
    ops::Sub,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use control_plane::ControlPlane;
use kube::{
    Api, Client, Config,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use tokio::runtime::{Builder, Runtime};

use crate::harness::eventually_quiet;

/// Who writes at the same time, and the pause of each between two writes.
const WRITERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);

/// How many calls make sure that all is well.
const ENOUGH: usize = 40;

/// How many writes there were.
#[derive(Clone, Copy)]
pub(crate) struct Count {
    /// All of them.
    pub made: usize,
    /// Those that failed.
    pub failed: usize,
}

impl Sub for Count {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { made: self.made - before.made, failed: self.failed - before.failed }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls, {} of them failed", self.made, self.failed)
    }
}

#[derive(Default)]
struct Counted {
    made: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

/// Writes until it is dropped.
pub(crate) struct Calls {
    counted: Arc<Counted>,
    _runtime: Runtime,
}

impl Calls {
    /// Begins to write.
    pub(crate) fn start(plane: &ControlPlane) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let counted = Arc::new(Counted::default());
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).expect("a kubeconfig");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options);
        let config = runtime.block_on(config).expect("a configuration");
        for writer in 0..WRITERS {
            let _entered = runtime.enter();
            let client = Client::try_from(config.clone()).expect("a client");
            runtime.spawn(write(client, writer, counted.clone()));
        }
        Self { counted, _runtime: runtime }
    }

    /// The writes so far.
    pub(crate) fn count(&self) -> Count {
        Count { made: self.counted.made.load(Relaxed), failed: self.failures().len() }
    }

    /// What the API server said of those that failed.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.counted.failures.lock().expect("a list").clone()
    }

    /// Waits for some more writes.
    pub(crate) fn more(&self) {
        let before = self.count().made;
        eventually_quiet("more calls", || {
            let made = self.count().made;
            if made < before + ENOUGH { Err(format!("{made} after {before}")) } else { Ok(()) }
        });
    }
}

/// Both webhooks are asked about each.
async fn write(client: Client, writer: usize, counted: Arc<Counted>) {
    let app = include_str!("../../../examples/minimal.yaml");
    let app: DynamicObject = serde_saphyr::from_str(app).expect("YAML");
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("kaspr.io", "v1alpha1", "KasprApp"));
    let apps: Api<DynamicObject> = Api::default_namespaced_with(client, &kind);
    let params = PostParams { dry_run: true, ..PostParams::default() };
    for i in 0.. {
        let mut app = app.clone();
        app.metadata.name = Some(format!("hello-{writer}-{i}"));
        let failure = match apps.create(&params, &app).await {
            Ok(app) if app.data["spec"]["replicas"] == 1 => None,
            Ok(app) => Some(format!("there are no defaults in {}", app.data)),
            Err(error) => Some(error.to_string()),
        };
        counted.failures.lock().expect("a list").extend(failure);
        counted.made.fetch_add(1, Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
}
