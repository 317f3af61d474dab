//! CommandInfo (B5, TSK-02).

use meseta_api::v1;
use meseta_api::v1::environment::variable::Type as VariableType;

/// A command that can be run: a value where a shell runs it, environment variables with exactly
/// the member that their type names.
pub(in crate::core) fn command(command: &v1::CommandInfo) -> Result<(), String> {
    let shell = command.shell.unwrap_or(true);
    if shell && command.value.as_ref().is_none_or(String::is_empty) {
        return Err("CommandInfo: 'value' must be set where 'shell' is true".into());
    }
    let text = command.value.iter().chain(&command.arguments).chain(&command.user);
    if text.into_iter().any(|text| text.contains('\0')) {
        return Err("CommandInfo: texts must not hold a null character".into());
    }
    for uri in &command.uris {
        if uri.value.is_empty() {
            return Err("CommandInfo: a URI must have a value".into());
        }
        if uri.output_file.as_ref().is_some_and(|name| escapes(name)) {
            return Err("CommandInfo: 'output_file' of a URI must stay in the sandbox".into());
        }
    }
    let variables = command.environment.iter().flat_map(|all| &all.variables);
    variables.into_iter().try_for_each(variable)
}

fn escapes(path: &str) -> bool {
    path.starts_with('/') || path.split('/').any(|part| part == "..")
}

fn variable(variable: &v1::environment::Variable) -> Result<(), String> {
    let name = &variable.name;
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("Environment variable '{}' has no valid name", name.escape_debug()));
    }
    match variable.r#type() {
        VariableType::Value => {
            if variable.secret.is_some() {
                return Err(format!(
                    "Environment variable '{name}' of type 'VALUE' must not have a secret set"
                ));
            }
            match &variable.value {
                None => Err(format!(
                    "Environment variable '{name}' of type 'VALUE' must have a value set"
                )),
                Some(value) if value.contains('\0') => {
                    Err(format!("Environment variable '{name}' holds a null character"))
                }
                Some(_) => Ok(()),
            }
        }
        VariableType::Secret if variable.value.is_some() => {
            Err(format!("Environment variable '{name}' of type 'SECRET' must not have a value set"))
        }
        VariableType::Secret if variable.secret.is_none() => {
            Err(format!("Environment variable '{name}' of type 'SECRET' must have a secret set"))
        }
        VariableType::Secret => Ok(()),
        VariableType::Unknown => {
            Err(format!("Environment variable '{name}' of type 'UNKNOWN' is not allowed"))
        }
    }
}
