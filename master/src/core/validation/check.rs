//! Checks and health checks of tasks (B5, TSK-06, TSK-07): a type, and the member that it names.

use super::{command, seconds};
use meseta_api::v1;
use meseta_api::v1::{check_info, health_check};

/// Highest TCP port.
const MAX_PORT: u32 = 65_535;

/// A check.
pub(in crate::core) fn check(check: &v1::CheckInfo) -> Result<(), String> {
    seconds("CheckInfo.delay_seconds", check.delay_seconds)?;
    seconds("CheckInfo.interval_seconds", check.interval_seconds)?;
    seconds("CheckInfo.timeout_seconds", check.timeout_seconds)?;
    match (check.r#type(), &check.command, &check.http, &check.tcp) {
        (check_info::Type::Command, Some(of), None, None) => command::command(&of.command),
        (check_info::Type::Http, None, Some(http), None) => {
            port(http.port)?;
            path(http.path.as_deref())
        }
        (check_info::Type::Tcp, None, None, Some(tcp)) => port(tcp.port),
        (check_info::Type::Unknown, ..) => Err("CheckInfo must specify 'type'".into()),
        (kind, ..) => Err(format!(
            "CheckInfo must have the member of its type {} and no other",
            kind.as_str_name()
        )),
    }
}

/// A health check.
pub(in crate::core) fn health(check: &v1::HealthCheck) -> Result<(), String> {
    seconds("HealthCheck.delay_seconds", check.delay_seconds)?;
    seconds("HealthCheck.interval_seconds", check.interval_seconds)?;
    seconds("HealthCheck.timeout_seconds", check.timeout_seconds)?;
    seconds("HealthCheck.grace_period_seconds", check.grace_period_seconds)?;
    match (check.r#type(), &check.command, &check.http, &check.tcp) {
        (health_check::Type::Command, Some(of), None, None) => command::command(of),
        (health_check::Type::Http, None, Some(http), None) => {
            port(http.port)?;
            path(http.path.as_deref())?;
            match http.scheme.as_deref() {
                None | Some("http" | "https") => Ok(()),
                Some(other) => {
                    Err(format!("Unsupported HTTP health check scheme: '{}'", other.escape_debug()))
                }
            }
        }
        (health_check::Type::Tcp, None, None, Some(tcp)) => port(tcp.port),
        (health_check::Type::Unknown, ..) => Err("HealthCheck must specify 'type'".into()),
        (kind, ..) => Err(format!(
            "HealthCheck must have the member of its type {} and no other",
            kind.as_str_name()
        )),
    }
}

fn port(port: u32) -> Result<(), String> {
    if port == 0 || port > MAX_PORT {
        return Err(format!("port {port} of a check is not a TCP port"));
    }
    Ok(())
}

fn path(path: Option<&str>) -> Result<(), String> {
    match path {
        Some(path) if !path.starts_with('/') => Err(format!(
            "The path '{}' of HTTP health check must start with '/'",
            path.escape_debug()
        )),
        _ => Ok(()),
    }
}
