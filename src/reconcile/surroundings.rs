//! What the watch caches know of the resources of an app, for rules across them.

use std::sync::{Arc, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{
    caches::Cached,
    context::Context,
    links::{APP, Key},
    run::Scope,
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprWebView},
    validate::{Around, Surroundings},
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
        self.with::<KasprApp>(&app, |app| around.set_app(app));
        for namesake in &namesakes {
            self.with::<KasprApp>(namesake, |app| around.add_namesake(app));
        }
        for key in &components {
            match key.kind {
                "KasprAgent" => self.with::<KasprAgent>(key, |agent| around.add_agent(agent)),
                "KasprTable" => self.with::<KasprTable>(key, |table| around.add_table(table)),
                "KasprWebView" => self.with::<KasprWebView>(key, |view| around.add_webview(view)),
                "KasprJoin" => self.with::<KasprJoin>(key, |join| around.add_join(join)),
                _ => {}
            }
        }
        Some(around)
    }
}

impl FromCaches {
    /// Shows a resource that can be read and is there to stay.
    fn with<K: Cached>(&self, key: &Key, show: impl FnOnce(&K)) {
        let cached = self.ctx.caches.get::<K>(key);
        let resource = cached.as_ref().and_then(|cached| cached.0.as_ref().ok());
        if let Some(resource) = resource.filter(|resource| resource.meta().deletion_timestamp.is_none()) {
            show(resource);
        }
    }
}
