use kube::{
    Api, Client, Resource,
    core::{DynamicObject, NamespaceResourceScope},
};

use crate::resources::OwnedKind;

/// The namespaces that the operator manages.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Every namespace.
    Cluster,
    /// One namespace.
    Namespace(String),
}

impl Scope {
    /// Returns whether the operator manages the namespace.
    #[must_use]
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(only) => only == namespace,
        }
    }

    pub(super) fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Cluster => Api::all(client.clone()),
            Self::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        }
    }

    pub(super) fn dynamic_api(&self, client: &Client, kind: OwnedKind) -> Api<DynamicObject> {
        match self {
            Self::Cluster => Api::all_with(client.clone(), &kind.api_resource()),
            Self::Namespace(namespace) => {
                Api::namespaced_with(client.clone(), namespace, &kind.api_resource())
            }
        }
    }
}
