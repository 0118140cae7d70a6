use serde_json::{Value, json};

use crate::{api::Code, validate::entrypoint_to_render};

/// Returns code as a definition contains it.
pub(super) fn code(code: Option<&Code>) -> Value {
    code_after(None, code)
}

/// Returns code that runs in a scope with what `init` defined. The framework calls the first callable in
/// that scope, so the entrypoint is rendered where another callable would come first.
pub(super) fn code_after(init: Option<&Code>, code: Option<&Code>) -> Value {
    let Some(code) = code else { return Value::Null };
    let given = code.entrypoint.clone().filter(|entrypoint| !entrypoint.is_empty());
    let entrypoint =
        given.or_else(|| entrypoint_to_render(init.map(|init| init.python.as_str()), &code.python));
    json!({ "entrypoint": entrypoint, "python": code.python })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(python: &str) -> Code {
        Code { entrypoint: None, python: python.to_owned() }
    }

    #[test]
    fn the_entrypoint_is_rendered_where_another_callable_would_be_taken() {
        let own = code_of("def own(v):\n    return v\n");
        let import = code_of("from datetime import datetime\ndef own(v):\n    return v\n");
        let helper = code_of("def helper(v):\n    return v\n");
        assert_eq!(code_after(None, Some(&own))["entrypoint"], Value::Null);
        assert_eq!(code_after(None, Some(&import))["entrypoint"], "own");
        assert_eq!(code_after(Some(&helper), Some(&own))["entrypoint"], "own");
        let given = Code { entrypoint: Some("other".to_owned()), ..own };
        assert_eq!(code_after(Some(&helper), Some(&given))["entrypoint"], "other");
    }
}
