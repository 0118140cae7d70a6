//! `--watch`: waits until a file changes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::error::TestError;

/// Time without a change after which files are read: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// Watches the directories of files.
pub(super) struct Changes {
    events: Receiver<notify::Result<Event>>,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Changes {
    /// Starts to watch.
    ///
    /// # Errors
    ///
    /// The system does not support it, or has no capacity for it.
    pub(super) fn new() -> Result<Self, TestError> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(sender).map_err(TestError::Watch)?;
        Ok(Self { events, watcher, watched: BTreeSet::new() })
    }

    /// Watches the directories of these files, and these directories, too.
    ///
    /// # Errors
    ///
    /// A directory cannot be watched.
    pub(super) fn add<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) -> Result<(), TestError> {
        for path in paths {
            let directory = if path.is_dir() { Some(path) } else { path.parent() };
            let directory = directory.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if self.watched.insert(directory.to_owned()) {
                self.watcher.watch(directory, RecursiveMode::Recursive).map_err(TestError::Watch)?;
            }
        }
        Ok(())
    }

    /// Waits until a file is written, created, renamed or deleted, and then until nothing more changes.
    pub(super) fn wait(&self) {
        let is_change = |event: &notify::Result<Event>| match event {
            Ok(event) => !matches!(event.kind, EventKind::Access(_)),
            Err(_) => true,
        };
        while self.events.recv().is_ok_and(|event| !is_change(&event)) {}
        while self.events.recv_timeout(QUIET).is_ok() {}
    }
}
