//! Every knob of the operator, from flags and environment.

use clap::Args;

/// What reaches the objects that are made.
#[derive(Args, Clone, Debug)]
pub struct BuildSettings {
    /// Registry that the framework's images are pulled from, in place of the default one
    #[arg(long, env = "KASPR_IMAGE_REGISTRY", value_name = "HOST")]
    pub image_registry: Option<String>,
    /// Members that may be added in one step of an app's start
    #[arg(long, env = "HPA_SCALE_UP_POLICY_PODS_PER_STEP", default_value_t = 4, value_name = "PODS")]
    pub scale_up_pods_per_step: i32,
    /// Length of a step of an app's start
    #[arg(long, env = "HPA_SCALE_UP_POLICY_PERIOD_SECONDS", default_value_t = 60, value_name = "SECONDS")]
    pub scale_up_period_seconds: i32,
}
