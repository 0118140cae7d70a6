//! The programs of the control plane, and tools: binaries, and the pinned Go modules that
//! they are built from.
//!
//! The go.mod files hold the versions; nothing else repeats them.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What binaries are built from, and the Go module of this crate that pins it.
#[derive(Debug)]
pub(crate) struct Module {
    /// What people call it.
    pub name: &'static str,
    /// The folder below `modules/` with the Go module that pins it.
    pub folder: &'static str,
    /// The path of the module whose version counts.
    pub path: &'static str,
    go_mod: &'static str,
}

impl Module {
    /// The pinned version, as `v1.2.3`.
    pub(crate) fn version(&self) -> &'static str {
        self.word_after(self.path)
    }

    /// The oldest Go that builds the module.
    pub(crate) fn go_version(&self) -> &'static str {
        self.word_after("go")
    }

    /// The second word of the first line of go.mod that starts with `word`.
    fn word_after(&self, word: &str) -> &'static str {
        self.go_mod
            .lines()
            .find_map(|line| {
                let mut words = line.trim_start_matches("require ").split_whitespace();
                (words.next() == Some(word)).then(|| words.next()).flatten()
            })
            .unwrap_or("unknown")
    }
}

/// One for all parts: what they have in common is then compiled once.
const CONTROL_PLANE: &str = include_str!("../modules/control-plane/go.mod");

static KUBERNETES: Module =
    Module { name: "kubernetes", folder: "control-plane", path: "k8s.io/kubernetes", go_mod: CONTROL_PLANE };

static ETCD: Module = Module {
    name: "etcd",
    folder: "control-plane",
    path: "go.etcd.io/etcd/server/v3",
    go_mod: CONTROL_PLANE,
};

static KWOK: Module =
    Module { name: "kwok", folder: "control-plane", path: "sigs.k8s.io/kwok", go_mod: CONTROL_PLANE };

static HELM: Module = Module {
    name: "helm",
    folder: "helm",
    path: "helm.sh/helm/v4",
    go_mod: include_str!("../modules/helm/go.mod"),
};

static PROMETHEUS: Module = Module {
    name: "prometheus",
    folder: "prometheus",
    path: "github.com/prometheus/prometheus",
    go_mod: include_str!("../modules/prometheus/go.mod"),
};

static GCS: Module = Module {
    name: "gcs",
    folder: "gcs",
    path: "github.com/fsouza/fake-gcs-server",
    go_mod: include_str!("../modules/gcs/go.mod"),
};

static S3: Module = Module {
    name: "s3",
    folder: "s3",
    path: "github.com/versity/versitygw",
    go_mod: include_str!("../modules/s3/go.mod"),
};

static KUBECONFORM: Module = Module {
    name: "kubeconform",
    folder: "kubeconform",
    path: "github.com/yannh/kubeconform",
    go_mod: include_str!("../modules/kubeconform/go.mod"),
};

static CERT_MANAGER: Module = Module {
    name: "cert-manager",
    folder: "cert-manager",
    path: "github.com/cert-manager/cert-manager",
    go_mod: include_str!("../modules/cert-manager/go.mod"),
};

static KSTATUS: Module = Module {
    name: "kstatus",
    folder: "kstatus",
    path: "sigs.k8s.io/cli-utils",
    go_mod: include_str!("../modules/kstatus/go.mod"),
};

static FLUX: Module = Module {
    name: "flux",
    folder: "kstatus",
    path: "github.com/fluxcd/kustomize-controller/api",
    go_mod: KSTATUS.go_mod,
};

static ARGOCD_LUA: Module = Module {
    name: "argocd-lua",
    folder: "argocd-lua",
    path: "github.com/yuin/gopher-lua",
    go_mod: include_str!("../modules/argocd-lua/go.mod"),
};

/// A program of the control plane, or a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Etcd,
    ApiServer,
    ControllerManager,
    Scheduler,
    Kubectl,
    Kwok,
    Helm,
    Prometheus,
    Promtool,
    Gcs,
    S3,
    Kubeconform,
    CertManager,
    Kstatus,
    Flux,
    ArgocdLua,
}

impl Binary {
    /// The name of its file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
            Self::Gcs => "fake-gcs-server",
            Self::S3 => "versitygw",
            Self::Kubeconform => "kubeconform",
            Self::CertManager => "cert-manager",
            Self::Kstatus => "kstatus",
            Self::Flux => "flux",
            Self::ArgocdLua => "argocd-lua",
        }
    }

    /// The module it is built from.
    pub(crate) fn module(self) -> &'static Module {
        match self {
            Self::Etcd => &ETCD,
            Self::ApiServer | Self::ControllerManager | Self::Scheduler | Self::Kubectl => &KUBERNETES,
            Self::Kwok => &KWOK,
            Self::Helm => &HELM,
            Self::Prometheus | Self::Promtool => &PROMETHEUS,
            Self::Gcs => &GCS,
            Self::S3 => &S3,
            Self::Kubeconform => &KUBECONFORM,
            Self::CertManager => &CERT_MANAGER,
            Self::Kstatus => &KSTATUS,
            Self::Flux => &FLUX,
            Self::ArgocdLua => &ARGOCD_LUA,
        }
    }

    /// The Go package of its main function.
    pub(crate) fn package(self) -> String {
        let module = self.module().path;
        match self {
            // Their own main packages are in modules that can't be required by others.
            Self::Etcd => "./etcd".to_owned(),
            Self::CertManager | Self::ArgocdLua => ".".to_owned(),
            // Two programs of one module: what they have in common is compiled once.
            Self::Kstatus | Self::Flux => format!("./{}", self.name()),
            Self::Gcs => module.to_owned(),
            _ => format!("{module}/cmd/{}", self.name()),
        }
    }

    /// The main function, of a tool that has it in this crate.
    fn source(self) -> Option<&'static str> {
        match self {
            Self::CertManager => Some(include_str!("../modules/cert-manager/main.go")),
            Self::Kstatus => Some(include_str!("../modules/kstatus/kstatus/main.go")),
            Self::Flux => Some(include_str!("../modules/kstatus/flux/main.go")),
            Self::ArgocdLua => Some(include_str!("../modules/argocd-lua/main.go")),
            _ => None,
        }
    }

    /// The build tags: Prometheus finds its targets in files, and leaves the clouds' libraries out.
    pub(crate) fn tags(self) -> &'static str {
        match self {
            Self::Prometheus | Self::Promtool => "remove_all_sd",
            _ => "",
        }
    }

    /// Flags of the compiler, for all packages: what the linker strips is not made, and tools need not be
    /// fast, without inlining they are built in two thirds of the time.
    pub(crate) fn compiler_flags(self) -> &'static str {
        if self.is_part() { "-dwarf=false" } else { "-dwarf=false -l" }
    }

    /// Whether it is a part of the control plane itself.
    fn is_part(self) -> bool {
        self.module().folder == KUBERNETES.folder
    }

    /// The folder that it is kept in: the parts of a control plane together, a tool by itself, so
    /// that another version of the one does not build the others again. A main function in this crate counts as a
    /// part of the version.
    pub(crate) fn cache_folder(self) -> String {
        if self.is_part() {
            return folder_name();
        }
        let module = self.module();
        let folder = format!("{}-{}", module.name, module.version());
        self.source().map_or(folder.clone(), |source| {
            let mut hasher = DefaultHasher::new();
            source.hash(&mut hasher);
            format!("{folder}-{:016x}", hasher.finish())
        })
    }

    /// What the linker writes into it.
    pub(crate) fn stamps(self) -> String {
        if self.module().path != KUBERNETES.path {
            return String::new();
        }
        let version = KUBERNETES.version();
        let mut parts = version.trim_start_matches('v').split('.');
        let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
        // Unstamped servers call themselves v0.0.0 and clients then refuse features.
        [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor)]
            .map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}"))
            .join(" ")
    }
}

/// The name of a folder for binaries of exactly these versions.
fn folder_name() -> String {
    [&KUBERNETES, &ETCD, &KWOK].map(|module| format!("{}-{}", module.name, module.version())).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_go_mod() {
        let tools =
            [&HELM, &PROMETHEUS, &GCS, &S3, &KUBECONFORM, &CERT_MANAGER, &KSTATUS, &FLUX, &ARGOCD_LUA];
        for module in [&KUBERNETES, &ETCD, &KWOK].into_iter().chain(tools) {
            assert!(module.version().starts_with('v'), "{module:?}");
            assert!(module.go_version().starts_with("1."), "{module:?}");
        }
    }

    #[test]
    fn only_kubernetes_is_stamped() {
        let version = KUBERNETES.version();
        assert!(Binary::Kubectl.stamps().contains(version));
        assert_eq!(Binary::Etcd.stamps(), "");
    }
}
