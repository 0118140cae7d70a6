use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Python source that the members compile and run.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Code {
    /// Name of the function, class or other callable in `python` to call. Default: the first
    /// callable that the code defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// Python source. Names that the `init` block defines are in scope.
    pub python: String,
}
