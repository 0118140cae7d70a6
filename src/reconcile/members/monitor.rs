//! One task for each app, which polls its members until the app is deleted.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};

use super::{crashes::look, poll, poll_state::PollState};
use crate::reconcile::{cache::index::ObjectKey, context::Context, fetch};

/// Delay after a wake-up, so that one poll serves a burst of events.
const BURST: Duration = Duration::from_millis(500);

/// Monitors the members of every app whose key arrives, each in a task that ends with its app. Dropping
/// the future ends them all.
pub(crate) async fn run(ctx: Arc<Context>, mut apps: mpsc::UnboundedReceiver<ObjectKey>) {
    let mut tasks = JoinSet::new();
    let mut monitored = HashSet::new();
    loop {
        tokio::select! {
            app = apps.recv() => {
                let Some(app) = app else { return };
                if monitored.insert(app.clone()) {
                    let ctx = ctx.clone();
                    tasks.spawn(monitor_until_deleted(ctx, app));
                } else {
                    ctx.members.wake(&app);
                }
            }
            Some(ended) = tasks.join_next() => {
                if let Ok(app) = ended {
                    monitored.remove(&app);
                    // The app may have been created again at this very moment.
                    if fetch::app(&ctx, &app).is_some() {
                        monitored.insert(app.clone());
                        tasks.spawn(monitor_until_deleted(ctx.clone(), app));
                    }
                }
            }
        }
    }
}

/// Polls, and looks for crashes, until the app is deleted; then returns its key. A kubelet that does not answer delays no
/// poll.
async fn monitor_until_deleted(ctx: Arc<Context>, key: ObjectKey) -> ObjectKey {
    tokio::select! {
        deleted = poll_until_deleted(ctx.clone(), key.clone()) => deleted,
        () = look::watch(&ctx, &key) => key,
    }
}

/// Polls until the app is deleted, then returns its key.
async fn poll_until_deleted(ctx: Arc<Context>, key: ObjectKey) -> ObjectKey {
    let waker = ctx.members.waker(&key);
    let mut state = PollState::default();
    // The future of a poll is boxed, so that it takes no memory between polls: there is a task for each
    // app.
    while let Some(delay) = Box::pin(poll_app(&ctx, &key, &mut state)).await {
        let _ = tokio::time::timeout(delay, waker.notified()).await;
        tokio::time::sleep(BURST).await;
    }
    ctx.members.forget(&key);
    key
}

/// Returns the delay until the next poll; `None` if the app was deleted.
async fn poll_app(ctx: &Arc<Context>, key: &ObjectKey, state: &mut PollState) -> Option<Duration> {
    let app = fetch::app(ctx, key)?;
    Some(poll::poll(ctx, key, &app, state).await)
}
