//! What a fake executor does with a task, as its command says.

use meseta_api::v1::TaskInfo;
use std::time::Duration;

/// A task's course after TASK_RUNNING.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Script {
    /// `true`, `false`, `exit 3`, `sleep 5`, `sleep 5; exit 3`: ends with this code after this
    /// long.
    Exit {
        /// How long it runs.
        after: Duration,
        /// Its exit code.
        code: i32,
    },
    /// `forever`: runs until it is killed.
    Forever,
    /// `stubborn`: runs, and ignores kills and shutdown.
    Stubborn,
    /// `crash`: its executor dies of SIGKILL without a word.
    Crash,
    /// `oom`: its container runs out of memory.
    OutOfMemory,
    /// `boast 3`: runs until it is killed, and its executor speaks of so many tasks that it was
    /// not given, of each with a mebibyte of data.
    Boast {
        /// How many.
        tasks: u32,
    },
}

impl Script {
    /// The script of a task; one that is not understood ends with code 127, as a shell's would.
    pub fn of(task: &TaskInfo) -> Self {
        let command = task.command.as_ref().and_then(|command| command.value.as_deref());
        Script::parse(command.unwrap_or("true"))
    }

    fn parse(text: &str) -> Self {
        let mut script = Script::Exit { after: Duration::ZERO, code: 0 };
        for part in text.split(';').map(str::trim) {
            let words: Vec<&str> = part.split_whitespace().collect();
            let Script::Exit { after, code } = &mut script else {
                return script;
            };
            match words.as_slice() {
                [] | ["true"] => *code = 0,
                ["false"] => *code = 1,
                ["forever"] => return Script::Forever,
                ["stubborn"] => return Script::Stubborn,
                ["crash"] => return Script::Crash,
                ["oom"] => return Script::OutOfMemory,
                ["boast", number] => {
                    return Script::Boast { tasks: number.parse().unwrap_or_default() };
                }
                ["exit", number] => *code = number.parse().unwrap_or(127),
                ["sleep", seconds] => match seconds.parse::<f64>() {
                    Ok(seconds) if (0.0..1e9).contains(&seconds) => {
                        *after += Duration::from_secs_f64(seconds);
                    }
                    Ok(_) => return Script::Forever,
                    Err(_) => *code = 127,
                },
                _ => *code = 127,
            }
        }
        script
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood() {
        let exit = |seconds, code| Script::Exit { after: Duration::from_secs(seconds), code };
        for (text, script) in [
            ("true", exit(0, 0)),
            ("", exit(0, 0)),
            ("false", exit(0, 1)),
            ("exit 3", exit(0, 3)),
            ("sleep 5", exit(5, 0)),
            ("sleep 5; exit 3", exit(5, 3)),
            ("sleep infinity", Script::Forever),
            ("sleep 1; crash", Script::Crash),
            ("boast 3", Script::Boast { tasks: 3 }),
            ("oom", Script::OutOfMemory),
            ("rm -rf /", exit(0, 127)),
        ] {
            assert_eq!(Script::parse(text), script, "{text}");
        }
    }
}
