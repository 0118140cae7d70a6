use kube::ResourceExt;
use serde_json::{Value, json};

use super::code::code;
use crate::api::KasprJoin;

pub(super) fn definition(join: &KasprJoin) -> Value {
    let spec = &join.spec;
    json!({
        "description": spec.description,
        "extractor": code(Some(&spec.extractor)),
        "left_table": spec.left_table,
        "name": join.name_any(),
        "output_channel": spec.output_channel,
        "right_table": spec.right_table,
        "type": spec.r#type,
    })
}
