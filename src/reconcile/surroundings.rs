//! What the watch caches know of the resources of an app, for rules across them.

use std::sync::{Arc, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{
    caches::{Cached, Guarded},
    context::Context,
    links::{APP, Key},
    run::Scope,
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprWebView},
    validate::{Around, Surroundings, ValidateUpdate},
};

/// Answers from the caches once they are complete; never asks the API server.
pub struct FromCaches {
    pub ctx: Arc<Context>,
    pub scope: Scope,
    pub filled: CancellationToken,
}

impl Surroundings for FromCaches {
    fn of(&self, namespace: &str, app: &str) -> Option<Around> {
        if !self.filled.is_cancelled() || !self.scope.holds(namespace) {
            return None;
        }
        let app = Key { kind: APP, namespace: namespace.to_owned(), name: app.to_owned() };
        let (components, namesakes) = {
            let links = self.ctx.links.lock().unwrap_or_else(PoisonError::into_inner);
            (links.components(&app), links.namesakes(&app))
        };
        let mut around = Around::default();
        if self.ctx.caches.get::<KasprApp>(&app).is_some_and(|app| app.0.is_err()) {
            around.set_app_there();
        }
        self.show::<KasprApp>(&app, &mut around);
        for app in namesakes.iter().filter_map(|app| self.ctx.caches.get::<KasprApp>(app)) {
            if let Some(app) = there(&app) {
                around.add_namesake(app);
            }
        }
        for key in &components {
            match key.kind {
                "KasprAgent" => self.show::<KasprAgent>(key, &mut around),
                "KasprTable" => self.show::<KasprTable>(key, &mut around),
                "KasprWebView" => self.show::<KasprWebView>(key, &mut around),
                "KasprJoin" => self.show::<KasprJoin>(key, &mut around),
                _ => {}
            }
        }
        Some(around)
    }
}

impl FromCaches {
    fn show<K: Cached + ValidateUpdate>(&self, key: &Key, around: &mut Around) {
        if let Some(resource) = self.ctx.caches.get::<K>(key).as_deref().and_then(there) {
            resource.show(around);
        }
    }
}

/// A resource that can be read and is there to stay.
fn there<K: Cached>(cached: &Guarded<K>) -> Option<&K> {
    cached.0.as_ref().ok().filter(|resource| resource.meta().deletion_timestamp.is_none())
}
