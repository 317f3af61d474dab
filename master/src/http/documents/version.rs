//! `/version`, and the answer to GET_VERSION of a master that does not lead.

use crate::config::{API_VERSION, MESETA_VERSION};
use meseta_api::v1::VersionInfo;
use meseta_node::http::model;
use serde_json::Value;

/// The API level, which clients parse; Meseta's own version is the tag.
pub fn version_info() -> VersionInfo {
    VersionInfo {
        version: API_VERSION.to_owned(),
        git_tag: Some(format!("meseta-{MESETA_VERSION}")),
        ..Default::default()
    }
}

/// `/version`.
pub fn version() -> Value {
    Value::Object(model::version(&version_info(), MESETA_VERSION))
}
