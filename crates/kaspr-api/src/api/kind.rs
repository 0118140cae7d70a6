//! The six kinds and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView};

/// A kind of the group `kaspr.io`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Kind {
    /// KasprApp
    #[serde(rename = "KasprApp")]
    App,
    /// KasprAgent
    #[serde(rename = "KasprAgent")]
    Agent,
    /// KasprTable
    #[serde(rename = "KasprTable")]
    Table,
    /// KasprTask
    #[serde(rename = "KasprTask")]
    Task,
    /// KasprWebView
    #[serde(rename = "KasprWebView")]
    WebView,
    /// KasprJoin
    #[serde(rename = "KasprJoin")]
    Join,
}

impl Kind {
    /// All kinds, KasprApp first.
    pub const ALL: [Self; 6] = [Self::App, Self::Agent, Self::Table, Self::Task, Self::WebView, Self::Join];

    /// Returns the name of the kind in manifests, such as `KasprAgent`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "KasprApp",
            Self::Agent => "KasprAgent",
            Self::Table => "KasprTable",
            Self::Task => "KasprTask",
            Self::WebView => "KasprWebView",
            Self::Join => "KasprJoin",
        }
    }

    /// Returns the plural by which the API server serves the kind, such as `kaspragents`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::App => "kasprapps",
            Self::Agent => "kaspragents",
            Self::Table => "kasprtables",
            Self::Task => "kasprtasks",
            Self::WebView => "kasprwebviews",
            Self::Join => "kasprjoins",
        }
    }

    /// Returns the word that ends the names of objects made for a resource of the kind, such as the
    /// `agent` of the ConfigMap `clicks-agent`.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Agent => "agent",
            Self::Table => "table",
            Self::Task => "task",
            Self::WebView => "webview",
            Self::Join => "join",
        }
    }

    /// Returns the kind of that name in manifests.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A resource type of one of the six kinds.
pub trait KasprResource: kube::Resource<DynamicType = ()> {
    /// Its kind.
    const KIND: Kind;
}

macro_rules! kinds {
    ($($type:ty => $kind:ident),* $(,)?) => {
        $(impl KasprResource for $type {
            const KIND: Kind = Kind::$kind;
        })*
    };
}

kinds! {
    KasprApp => App,
    KasprAgent => Agent,
    KasprTable => Table,
    KasprTask => Task,
    KasprWebView => WebView,
    KasprJoin => Join,
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt;

    use super::*;

    /// The derive of `CustomResource` takes string literals only.
    #[test]
    fn the_names_are_those_of_the_crds() {
        fn check<K: KasprResource + CustomResourceExt>() {
            let names = K::crd().spec.names;
            assert_eq!((K::KIND.name(), K::KIND.plural()), (&*names.kind, &*names.plural));
        }
        check::<KasprApp>();
        check::<KasprAgent>();
        check::<KasprTable>();
        check::<KasprTask>();
        check::<KasprWebView>();
        check::<KasprJoin>();
        assert!(Kind::ALL.iter().all(|kind| Kind::from_name(kind.name()) == Some(*kind)));
    }
}
