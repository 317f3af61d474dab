//! What a framework may ask for: parse at the border, then trust (B3, B5).
//!
//! Pure functions of their arguments. An error is a sentence for the framework's author; which
//! status or event carries it is the caller's business.

pub(in crate::core) mod check;
pub(in crate::core) mod command;
pub(in crate::core) mod executor;
pub(in crate::core) mod framework;
pub(in crate::core) mod resources;
pub(in crate::core) mod task;

use meseta_api::v1;

/// A duration on the wire that must not be negative.
pub(in crate::core) fn duration(
    name: &str,
    duration: Option<&v1::DurationInfo>,
) -> Result<(), String> {
    if duration.is_some_and(|duration| duration.nanoseconds < 0) {
        return Err(format!("'{name}' must be non-negative"));
    }
    Ok(())
}

/// Seconds on the wire: finite and not negative.
pub(in crate::core) fn seconds(name: &str, seconds: Option<f64>) -> Result<(), String> {
    if seconds.is_some_and(|seconds| !seconds.is_finite() || seconds < 0.0) {
        return Err(format!("'{name}' must be non-negative"));
    }
    Ok(())
}
