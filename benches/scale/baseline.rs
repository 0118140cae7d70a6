//! The baseline: the same objects from a client that knows them in advance and watches nothing.

use std::{
    collections::HashMap,
    io,
    time::{Duration, Instant},
};

use control_plane::ControlPlane;
use kaspr_operator::{naming::MANAGER, resources::OwnedKind};
use kube::{
    Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::{DynamicObject, ObjectMeta, TypeMeta},
};

use crate::{children, site, unit::Unit};

/// The objects of each unit.
pub(crate) type Children = HashMap<Unit, Vec<DynamicObject>>;

/// Reads the objects of the units in a form that a client can apply.
pub(crate) async fn read(client: &Client) -> io::Result<Children> {
    let mut read = Children::new();
    // The StatefulSet comes last, as it does from the operator.
    for kind in children::KINDS {
        let list = children::all(client, kind).list(&ListParams::default().labels(&children::label())).await;
        for object in list.map_err(io::Error::other)? {
            let unit = Unit::from_name(&object.name_any());
            let unit = unit.ok_or_else(|| io::Error::other("an object of no unit"))?;
            read.entry(unit).or_default().push(cleaned(kind, object));
        }
    }
    Ok(read)
}

/// Removes the fields that the API server and controllers added.
fn cleaned(kind: OwnedKind, mut object: DynamicObject) -> DynamicObject {
    let resource = kind.api_resource();
    object.types = Some(TypeMeta { api_version: resource.api_version, kind: resource.kind });
    let ObjectMeta { name, namespace, labels, annotations, owner_references, .. } = object.metadata;
    object.metadata =
        ObjectMeta { name, namespace, labels, annotations, owner_references, ..ObjectMeta::default() };
    if let Some(data) = object.data.as_object_mut() {
        data.remove("status");
    }
    if let Some(spec) = object.data.get_mut("spec").and_then(|spec| spec.as_object_mut())
        && spec.get("clusterIP").is_some_and(|address| address != "None")
    {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    object
}

/// Creates the units and applies their objects. Returns the time until all objects are complete, measured as for
/// the operator.
pub(crate) async fn measure(plane: &ControlPlane, units: usize, children: &Children) -> io::Result<Duration> {
    install(plane)?;
    let user = plane.kubeconfig_for(site::AUDITED, &["system:masters"]).map_err(io::Error::other)?;
    let (admin, writer) = (site::client(plane.kubeconfig()).await?, site::client(&user).await?);
    let begun = Instant::now();
    let work = site::each((0..units).map(Unit), |unit| {
        let (admin, writer) = (&admin, &writer);
        async move {
            let owners = site::create(admin, unit).await?;
            for child in children.get(&unit).into_iter().flatten() {
                apply(writer, child, &owners).await?;
            }
            Ok(())
        }
    });
    let (written, complete) = futures::join!(work, children::until_complete(&admin, units, begun));
    written?;
    complete
}

async fn apply(client: &Client, child: &DynamicObject, owners: &[DynamicObject]) -> io::Result<()> {
    let mut child = child.clone();
    for reference in child.metadata.owner_references.iter_mut().flatten() {
        let owner = owners.iter().find(|owner| owner.name_any() == reference.name);
        reference.uid = owner.and_then(ResourceExt::uid).unwrap_or_default();
    }
    let api = site::api(client, &child, &child.namespace().unwrap_or_default())?;
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&child.name_any(), &params, &Patch::Apply(&child)).await.map_err(io::Error::other)?;
    Ok(())
}

/// Installs the CRDs without the operator.
fn install(plane: &ControlPlane) -> io::Result<()> {
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    for args in [
        ["apply", "--server-side", "-f", crds].as_slice(),
        &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"],
    ] {
        let done = plane.kubectl().args(args).output()?;
        if !done.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&done.stderr)));
        }
    }
    Ok(())
}
