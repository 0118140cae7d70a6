use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::{AppComponents, Running, claim, spec_view::is_annotated};
use crate::{
    api::{KasprApp, annotations::ROLL},
    settings::BuildSettings,
    validate::Valid,
};

/// What the objects of an app are built from.
#[derive(Clone, Copy)]
pub struct BuildInputs<'a> {
    /// The app, with defaults.
    pub app: &'a Valid<KasprApp>,
    /// The app without any defaults: a default is not a change by the user.
    pub user_spec: &'a KasprApp,
    /// The components that the members run.
    pub components: &'a AppComponents,
    /// What the running StatefulSet determines.
    pub running: &'a Running,
    /// The settings of the operator.
    pub settings: &'a BuildSettings,
}

impl BuildInputs<'_> {
    /// Returns the claim templates of the StatefulSet.
    ///
    /// The Python operator creates claims for ephemeral storage too, and claim templates are immutable: an app
    /// that has them keeps them until its owner requests a roll.
    pub(super) fn claim_templates(&self) -> Vec<PersistentVolumeClaim> {
        match claim::tables(self.app) {
            Some(claim) => vec![claim],
            None if is_annotated(&**self.app, ROLL) => Vec::new(),
            None => self.running.claim_templates().to_vec(),
        }
    }

    /// Returns the hash that the app's packages are stored under.
    pub(super) fn packages_hash(&self) -> Option<String> {
        self.app.spec.python_packages.as_ref().map(|packages| self.running.packages_hash(packages))
    }
}
