use super::{
    BuildError, BuildInputs, OwnedObject, autoscaler, claim,
    definition::{self, Component},
    disruption_budget, rollout, service, service_account, settings_map, settings_snapshot,
    spec_view::replicas,
    statefulset,
};
use crate::validate::Valid;

/// Builds every object of an app, in the order in which they are applied: what pods mount and refer to
/// comes before the StatefulSet.
///
/// # Errors
///
/// A definition or an object could not be serialized.
pub fn build(inputs: BuildInputs<'_>) -> Result<Vec<OwnedObject>, BuildError> {
    let BuildInputs { app, components, settings, .. } = inputs;
    let config = settings_map::config_map(app);
    let mut objects =
        vec![OwnedObject::new(&service_account::service_account(app))?, OwnedObject::new(&config)?];
    // If one of them is frozen, the existing file stays.
    if !components.joins.is_empty() && components.joins_are_valid() {
        objects.push(OwnedObject::new(&definition::joins(app, components)?)?);
    }
    objects.push(OwnedObject::new(&settings_snapshot::snapshot(app, &config))?);
    for snapshot in definition::snapshots(app, components)? {
        objects.push(OwnedObject::new(&snapshot)?);
    }
    if let Some(claim) = claim::packages(app) {
        objects.push(OwnedObject::new(&claim)?);
    }
    objects.push(OwnedObject::new(&service::headless(app))?);
    objects.push(OwnedObject::new(&service::api(app))?);
    if replicas(app) > 0 {
        objects.push(OwnedObject::new(&autoscaler::autoscaler(app, settings))?);
    }
    if let Some(budget) = disruption_budget::disruption_budget(app) {
        objects.push(OwnedObject::new(&budget)?);
    }
    let mut set = statefulset::statefulset(inputs, &config);
    rollout::mark(&mut set, inputs)?;
    objects.push(OwnedObject::new(&set)?);
    objects.into_iter().map(OwnedObject::stamped).collect()
}

/// Builds the one object of a component: the ConfigMap with its definition.
///
/// # Errors
///
/// The definition or the object could not be serialized.
pub fn build_component<C: Component>(component: &Valid<C>) -> Result<OwnedObject, BuildError> {
    OwnedObject::new(&definition::config_map(component)?)?.stamped()
}
