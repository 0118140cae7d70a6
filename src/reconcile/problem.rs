//! What can keep a member from working.

use super::members::crashes::log::CodeFrame;

/// What keeps a member from working. The order is that of a pod's life: what comes first prevents what follows, so it
/// is reported first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum CauseKind {
    /// The StatefulSet controller cannot create the pod.
    NotCreated,
    /// The node of the pod does not respond.
    NodeNotResponding,
    /// The scheduler finds no node.
    Unschedulable,
    /// A volume cannot be attached or mounted, or the network of the pod cannot be set up.
    PodSetup,
    /// The image cannot be pulled.
    ImagePull,
    /// A Secret, a ConfigMap or a key that a variable refers to is missing.
    ContainerConfig,
    /// The container runtime cannot start a container.
    ContainerStart,
    /// The Python packages cannot be installed.
    Install,
    /// The container was killed because it exceeded its memory limit.
    OutOfMemory,
    /// The container exited.
    Crash,
    /// A probe fails.
    Probe,
    /// The member has not answered yet.
    NoAnswer,
}

impl CauseKind {
    /// Returns the reason for conditions and events.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotCreated => "PodsNotCreated",
            Self::NodeNotResponding => "NodeNotResponding",
            Self::Unschedulable => "Unschedulable",
            Self::PodSetup => "PodSetupFailed",
            Self::ImagePull => "ImagePullFailed",
            Self::ContainerConfig => "ContainerConfigError",
            Self::ContainerStart => "ContainerStartError",
            Self::Install => "InstallationFailed",
            Self::OutOfMemory => "OutOfMemory",
            Self::Crash => "Crashed",
            Self::Probe => "ProbeFailed",
            Self::NoAnswer => "NoAnswer",
        }
    }

    /// Returns whether an event is published for the cause with this reason. Failed installs have an event of their own,
    /// and members that start have not answered yet.
    pub(super) fn is_worth_an_event(reason: &str) -> bool {
        let published = [
            Self::NotCreated,
            Self::NodeNotResponding,
            Self::Unschedulable,
            Self::PodSetup,
            Self::ImagePull,
            Self::ContainerConfig,
            Self::ContainerStart,
            Self::OutOfMemory,
            Self::Crash,
            Self::Probe,
        ];
        published.iter().any(|kind| kind.reason() == reason)
    }

    /// Returns whether a person usually has to change something. The others often end by themselves: a node comes back,
    /// an autoscaler adds one, a member finishes its start.
    pub(super) fn needs_change(self) -> bool {
        match self {
            Self::NodeNotResponding | Self::Unschedulable | Self::Probe | Self::NoAnswer => false,
            Self::NotCreated
            | Self::PodSetup
            | Self::ImagePull
            | Self::ContainerConfig
            | Self::ContainerStart
            | Self::Install
            | Self::OutOfMemory
            | Self::Crash => true,
        }
    }
}

/// What keeps one pod from working.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PodProblem {
    /// What it is.
    pub kind: CauseKind,
    /// What happened, without the name of the member.
    pub text: String,
    /// The last frame in a definition, if a traceback has one.
    pub frame: Option<CodeFrame>,
}

impl PodProblem {
    /// Creates a problem without a traceback.
    pub(super) fn new(kind: CauseKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), frame: None }
    }
}
