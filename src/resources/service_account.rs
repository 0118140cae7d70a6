use k8s_openapi::api::core::v1::ServiceAccount;
use kube::ResourceExt;

use super::{labels, legacy_hash, metadata};
use crate::api::KasprApp;
use crate::naming;

/// Returns the members' ServiceAccount; its annotations carry cloud identities.
pub(super) fn service_account(app: &KasprApp) -> ServiceAccount {
    let template =
        app.spec.template.as_ref().and_then(|t| t.service_account.as_ref()).and_then(|t| t.metadata.as_ref());
    let theirs = template.and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    let inherited = labels::merged(Some(app.labels()), labels::app(&app.name_any()));
    let mut account = ServiceAccount {
        metadata: metadata::owned(
            app,
            naming::app(&app.name_any()),
            labels::merged(Some(&theirs), inherited),
        ),
        ..ServiceAccount::default()
    };
    account.metadata.annotations = template.and_then(|metadata| metadata.annotations.clone());
    legacy_hash::stamp_service_account(&mut account, &theirs);
    account
}
