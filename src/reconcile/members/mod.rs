//! The members of an app: what they answer over HTTP, and what is done about it.
//!
//! Members are asked, the API server is not: how things stand there is known from the watches.

mod assignment;
mod client;
mod hung;
mod picture;
mod round;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
};

pub use client::MemberClient;
pub use picture::Picture;
pub use round::REBALANCE;

use super::{context::Context, links::Key};

/// What is known of the members of all apps.
#[derive(Default)]
pub struct Members(Mutex<HashMap<Key, Known>>);

#[derive(Default)]
struct Known {
    picture: Picture,
    nudge: Arc<Notify>,
    /// A rebalance was asked for since the status was written.
    rebalanced: bool,
}

impl Members {
    /// What the members of an app answered last.
    pub fn picture(&self, app: &Key) -> Picture {
        self.with(app, |known| known.picture.clone())
    }

    /// Whether a rebalance was asked for; the answer is given once.
    pub fn take_rebalanced(&self, app: &Key) -> bool {
        self.with(app, |known| std::mem::take(&mut known.rebalanced))
    }

    /// The status could not be written: the rebalance is still to be told of.
    pub fn give_rebalanced_back(&self, app: &Key) {
        self.with(app, |known| known.rebalanced = true);
    }

    /// Something of the app changed: its members are asked soon, if somebody asks them.
    pub fn nudge(&self, app: &Key) {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(app) {
            known.nudge.notify_one();
        }
    }

    /// The app is gone.
    pub fn forget(&self, app: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(app);
    }

    fn with<T>(&self, app: &Key, look: impl FnOnce(&mut Known) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(all.entry(app.clone()).or_default())
    }
}

/// The way to whoever looks after the members; there is nobody while another replica reconciles.
#[derive(Default)]
pub struct LookAfter(Mutex<Option<mpsc::UnboundedSender<Key>>>);

impl LookAfter {
    /// Opens the way, in place of an earlier one.
    pub fn open(&self) -> mpsc::UnboundedReceiver<Key> {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// The members of an app are to be looked after, and soon if that is under way.
    pub fn send(&self, app: Key) {
        if let Some(sender) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // The receiver has ended with the operator.
            let _ = sender.send(app);
        }
    }
}

/// Looks after the members of every app whose key arrives, each in a task of its own that ends with
/// its app. Dropping this ends them all.
pub async fn run(ctx: Arc<Context>, mut apps: mpsc::UnboundedReceiver<Key>) {
    let mut tasks = JoinSet::new();
    let mut known = std::collections::HashSet::new();
    loop {
        tokio::select! {
            app = apps.recv() => {
                let Some(app) = app else { return };
                if known.insert(app.clone()) {
                    let ctx = ctx.clone();
                    tasks.spawn(round::until_gone(ctx, app));
                } else {
                    ctx.members.nudge(&app);
                }
            }
            Some(ended) = tasks.join_next() => {
                if let Ok(app) = ended {
                    known.remove(&app);
                    // It may have come back at this very moment.
                    if round::current(&ctx, &app).is_some() {
                        known.insert(app.clone());
                        tasks.spawn(round::until_gone(ctx.clone(), app));
                    }
                }
            }
        }
    }
}
