//! Versions, capabilities, times.

use meseta_api::v1::{TimeInfo, VersionInfo};
use serde_json::{json, Map, Value};

/// `/version`: the API level, which clients parse, and beside it Meseta's own version.
pub fn version(info: &VersionInfo, meseta: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("version".to_owned(), json!(info.version));
    out.insert("meseta_version".to_owned(), json!(meseta));
    if let Some(time) = info.build_time {
        out.insert("build_time".to_owned(), json!(time));
    }
    for (name, value) in [
        ("build_date", &info.build_date),
        ("build_user", &info.build_user),
        ("git_sha", &info.git_sha),
        ("git_branch", &info.git_branch),
        ("git_tag", &info.git_tag),
    ] {
        if let Some(value) = value {
            out.insert(name.to_owned(), json!(value));
        }
    }
    out
}

/// Seconds since 1970, as every time in these documents.
pub fn seconds(time: &TimeInfo) -> f64 {
    time.nanoseconds as f64 / 1e9
}

/// Names of capabilities, each once.
pub fn capabilities<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    let mut shown: Vec<&str> = Vec::new();
    for name in names {
        if !shown.contains(&name) {
            shown.push(name);
        }
    }
    json!(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leg_02_the_version_is_three_numbers() {
        let info = VersionInfo {
            version: "1.12.0".into(),
            git_sha: Some("abc".into()),
            ..Default::default()
        };
        let shown = Value::Object(version(&info, "0.1.0"));
        let expected = json!({"version": "1.12.0", "meseta_version": "0.1.0", "git_sha": "abc"});
        assert_eq!(shown, expected);
        assert_eq!(seconds(&TimeInfo { nanoseconds: 1_500_000_000 }), 1.5);
        assert_eq!(capabilities(["A", "B", "A"]), json!(["A", "B"]));
    }
}
