//! `.pth` files: Python reads them only in its own site directories, and a set is not one. A set with such files
//! therefore has a `sitecustomize` module, which reads them when Python starts.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

/// Name of the module that Python imports at every start.
const MODULE: &str = "sitecustomize.py";

/// Reads the `.pth` files next to it, as Python reads those of a site directory, and then runs the `sitecustomize`
/// of the image, if there is one.
const TEXT: &str = "\
# Created by the package installer of Kaspr.
import importlib.machinery, importlib.util, os, site, sys

_here = os.path.dirname(os.path.abspath(__file__))
site.addsitedir(_here)
_others = [path for path in sys.path if os.path.abspath(path or os.curdir) != _here]
_found = importlib.machinery.PathFinder.find_spec('sitecustomize', _others)
if _found is not None and _found.loader is not None:
    _module = importlib.util.module_from_spec(_found)
    sys.modules['sitecustomize'] = _module
    _found.loader.exec_module(_module)
";

/// Adds the module to a set that has `.pth` files and no module of that name. Sets that earlier versions installed get
/// it too: a new file changes nothing for members that run. Returns a text for the log if the set has a module of its
/// own.
///
/// # Errors
///
/// The module cannot be written.
pub(crate) fn add_site_hook(folder: &Path) -> io::Result<Option<String>> {
    let has_pth = fs::read_dir(folder)?
        .flatten()
        .any(|entry| entry.path().extension().is_some_and(|extension| extension == "pth"));
    if !has_pth {
        return Ok(None);
    }
    let module = folder.join(MODULE);
    if module.exists() || folder.join("sitecustomize").exists() {
        let is_own = fs::read_to_string(&module).is_ok_and(|text| text == TEXT);
        let text = "a package has a sitecustomize module, so the .pth files of packages have no effect";
        return Ok((!is_own).then(|| text.to_owned()));
    }
    // Members that start at this moment must not read half a file.
    let fresh = tempfile::Builder::new().prefix(".").tempfile_in(folder)?;
    fs::write(fresh.path(), TEXT)?;
    fs::set_permissions(fresh.path(), PermissionsExt::from_mode(0o644))?;
    fresh.persist(&module)?;
    Ok(None)
}
