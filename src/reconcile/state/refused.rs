//! The components whose definition the API server refused, or whose ConfigMap another client made.

use std::{collections::HashMap, sync::Mutex};

use crate::{reconcile::cache::index::ObjectKey, sync::lock};

/// Why each of these definitions could not be applied.
#[derive(Default)]
pub(crate) struct RefusedDefinitions(Mutex<HashMap<ObjectKey, String>>);

impl RefusedDefinitions {
    /// Remembers why a definition could not be applied. Returns whether that is new.
    pub(crate) fn insert(&self, component: &ObjectKey, message: String) -> bool {
        lock(&self.0).insert(component.clone(), message.clone()).as_ref() != Some(&message)
    }

    /// Returns why the definition of a component could not be applied.
    pub(crate) fn message(&self, component: &ObjectKey) -> Option<String> {
        lock(&self.0).get(component).cloned()
    }

    /// Forgets a component whose definition was applied, or that was deleted. Returns whether it was refused.
    pub(crate) fn remove(&self, component: &ObjectKey) -> bool {
        lock(&self.0).remove(component).is_some()
    }

    /// Forgets everything: another replica may have applied the definitions.
    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}
