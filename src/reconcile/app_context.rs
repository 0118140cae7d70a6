//! What the watch caches contain about an app, for rules across resources.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    cache::{
        index::ObjectKey,
        store::{Cached, Caches, Guarded},
    },
    context::Context,
    ownership,
    scope::Scope,
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView, Kind},
    naming,
    resources::{CLAIM_SIZE, CLAIM_TEMPLATES, OwnedKind},
    validate::{AppContext, AppContextProvider, Claim, Claims, ValidateUpdate},
};

/// Answers from the caches once they are complete; never asks the API server.
pub(super) struct CachedAppContext {
    pub ctx: Arc<Context>,
    pub scope: Scope,
    /// Cancelled when every cache is complete.
    pub filled: CancellationToken,
}

impl AppContextProvider for CachedAppContext {
    fn app_context(&self, namespace: &str, app: &str) -> Option<AppContext> {
        if !self.filled.is_cancelled() || !self.scope.contains(namespace) {
            return None;
        }
        let app = ObjectKey { kind: Kind::App, namespace: namespace.to_owned(), name: app.to_owned() };
        let (components, namesakes) = {
            let index = self.ctx.index();
            (index.components(&app), index.namesakes(&app))
        };
        let mut context = AppContext::default();
        if self.ctx.caches.get::<KasprApp>(&app).is_some_and(|app| app.0.is_err()) {
            context.set_app_exists();
        }
        self.register::<KasprApp>(&app, &mut context);
        for app in namesakes.iter().filter_map(|app| self.ctx.caches.get::<KasprApp>(app)) {
            if let Some(app) = live(&app) {
                context.add_namesake(app);
            }
        }
        for key in &components {
            match key.kind {
                Kind::App => {}
                Kind::Agent => self.register::<KasprAgent>(key, &mut context),
                Kind::Table => self.register::<KasprTable>(key, &mut context),
                Kind::Task => self.register::<KasprTask>(key, &mut context),
                Kind::WebView => self.register::<KasprWebView>(key, &mut context),
                Kind::Join => self.register::<KasprJoin>(key, &mut context),
            }
        }
        Some(context)
    }

    fn claims(&self, namespace: &str, app: &str) -> Claims {
        if !self.filled.is_cancelled() || !self.scope.contains(namespace) {
            return Claims::default();
        }
        let caches = &self.ctx.caches;
        let owned = |kind, name: String| caches.owned(kind, namespace, &name);
        let set = owned(OwnedKind::StatefulSet, naming::app(app));
        let template = set.as_ref().and_then(|set| set.data.pointer(CLAIM_TEMPLATES)?.get(0));
        let packages = owned(OwnedKind::PersistentVolumeClaim, naming::packages_claim(app));
        // An app that is stopped may never have had a claim, so its size may change.
        let is_stopped = set.as_ref().is_some_and(|set| set.data["spec"]["replicas"] == 0);
        let of_members = |claim: Claim| Claim { can_grow: claim.can_grow.filter(|_| !is_stopped), ..claim };
        Claims {
            tables: template.and_then(|template| claim(caches, template)).map(of_members),
            packages: packages.and_then(|claim_object| claim(caches, &claim_object.data)),
        }
    }

    fn other_owner(&self, kind: Kind, namespace: &str, component: &str) -> Option<String> {
        if kind == Kind::App || !self.filled.is_cancelled() || !self.scope.contains(namespace) {
            return None;
        }
        let name = naming::definition(kind, component);
        let live = self.ctx.caches.owned(OwnedKind::ConfigMap, namespace, &name)?;
        ownership::other_owner(&live, Some((kind.name(), component)))
    }
}

/// Returns the facts about a claim or a claim template.
fn claim(caches: &Caches, object: &Value) -> Option<Claim> {
    let class = object.pointer("/spec/storageClassName").and_then(Value::as_str);
    let known = caches.storage_class(class);
    Some(Claim {
        size: object.pointer(CLAIM_SIZE)?.as_str()?.to_owned(),
        class: class.map(str::to_owned).or_else(|| Some(known.as_ref()?.name_any())),
        can_grow: known.map(|class| class.allow_volume_expansion == Some(true)),
    })
}

impl CachedAppContext {
    fn register<K: Cached + ValidateUpdate>(&self, key: &ObjectKey, context: &mut AppContext) {
        if let Some(resource) = self.ctx.caches.get::<K>(key).as_deref().and_then(live) {
            resource.register(context);
        }
    }
}

/// Returns a resource that parses and is not being deleted.
fn live<K: Cached>(cached: &Guarded<K>) -> Option<&K> {
    cached.0.as_ref().ok().filter(|resource| resource.meta().deletion_timestamp.is_none())
}
