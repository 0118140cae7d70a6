//! The servers of one control plane that run, and who cleans up after them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::{Context, Error};
use crate::guardian::Guardian;
use crate::server::{self, Recipe, Server};

/// Running servers. Dropping it ends them, those that started last first, and removes their folder.
#[derive(Debug)]
pub(crate) struct Processes {
    servers: Vec<Server>,
    /// Removes the folder when it is dropped, which is after the servers have been stopped.
    guardian: Guardian,
}

impl Processes {
    /// Makes a folder for servers, with a guardian.
    pub(crate) fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("control-plane-")
            // It holds private keys.
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .context(|| "create a temporary folder")?;
        fs::create_dir(server::log_dir(folder.path())).context(|| "create a folder for logs")?;
        Ok(Self { servers: Vec::new(), guardian: Guardian::start(folder)? })
    }

    /// The folder that goes when the servers go.
    pub(crate) fn folder(&self) -> &Path {
        self.guardian.folder()
    }

    /// Starts a server.
    pub(crate) fn start(&mut self, recipe: &Recipe) -> Result<(), Error> {
        let server = Server::start(recipe, &mut self.guardian)?;
        self.servers.push(server);
        Ok(())
    }

    /// Waits until `ready` holds for a server that was started.
    pub(crate) fn wait_until(&mut self, recipe: &Recipe, ready: impl Fn() -> bool) -> Result<(), Error> {
        self.servers
            .iter_mut()
            .find(|server| server.name() == recipe.name)
            .map_or(Ok(()), |server| server.wait_until(ready))
    }

    /// Fails if a server that was started has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.servers.iter_mut().try_for_each(Server::check)
    }

    /// Stops a server if it runs.
    pub(crate) fn stop(&mut self, recipe: &Recipe) {
        if let Some(at) = self.servers.iter().position(|s| s.name() == recipe.name) {
            self.servers.remove(at).stop(&mut self.guardian);
        }
    }

    /// Whether a server was started and not stopped.
    pub(crate) fn has(&self, recipe: &Recipe) -> bool {
        self.servers.iter().any(|server| server.name() == recipe.name)
    }

    /// The name and process id of each server.
    pub(crate) fn pids(&self) -> Vec<(&'static str, u32)> {
        self.servers.iter().map(|server| (server.name(), server.pid())).collect()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for server in self.servers.iter_mut().rev() {
            server.stop(&mut self.guardian);
        }
    }
}
