//! Runs a program on many seeds, each with its own faults, and makes the first that breaks small.

use super::control::Sim;
use super::engine::{Shared, State};
use super::plan::{Hazards, Plan};
use super::shrink::shrink;
use crate::node::lock;
use std::any::Any;
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

/// How many runs the shrinking of one breach may take.
const MOST_RUNS: usize = 300;
/// How much of the log a [`Failure`] prints: what leads up to a breach, and not what began it all.
const TAIL: usize = 60;

/// How much it prints of what a process says of itself.
const WIDTH: usize = 300;

/// A program's trial by seeds and faults.
///
/// The program is a closure that gets a fresh [`Sim`] whose faults are set, builds its machines on
/// it, runs it, and says what broke: an `Err`, or a panic (of an assertion). Of `Err("kind: more")`
/// the part before the first colon says what kind of breach it is; faults are left out as long as
/// the same kind is left. The closure must depend on the [`Sim`] alone.
///
/// ```
/// use libproc::sim::{Hazards, Trial};
/// use std::time::Duration;
/// let trial = Trial::new(Hazards::among(&["a", "b"])).seeds(0..4);
/// let ended = trial.run(|mut sim| {
///     let machine = sim.machine("a", "10.0.0.1:1");
///     // … start nodes, spawn processes …
///     sim.run_for(Duration::from_secs(100));
///     match sim.node(machine) {
///         Some(_) => Err("started: nobody has started a node here".to_owned()),
///         None => Ok(sim.now()),
///     }
/// });
/// assert_eq!(ended.expect("nothing breaks").len(), 4);
/// ```
#[derive(Clone, Debug)]
pub struct Trial {
    hazards: Hazards,
    seeds: Vec<u64>,
    most_runs: usize,
}

/// What broke, by the smallest list of faults found that breaks it. Its [`Display`](fmt::Display)
/// is what a person needs: the list (which [`Plan`] reads again), the state of every process, and
/// the end of the log.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// What broke with the smallest list.
    pub breach: String,
    /// The smallest list.
    pub plan: Plan,
    /// The list that it was made from.
    pub drawn: Plan,
    /// How many runs that took.
    pub runs: usize,
    /// What each process was at the breach: see [`Sim::states`].
    pub states: Vec<String>,
    /// Everything that happened in the run with the smallest list, up to the breach.
    pub log: Vec<String>,
}

impl Trial {
    /// On the seed 0 alone, until told otherwise.
    pub fn new(hazards: Hazards) -> Self {
        Trial { hazards, seeds: vec![0], most_runs: MOST_RUNS }
    }

    /// On these seeds, in this order.
    pub fn seeds(mut self, seeds: impl IntoIterator<Item = u64>) -> Self {
        self.seeds = seeds.into_iter().collect();
        self
    }

    /// Makes a breach smaller in at most this many runs; 300 until told otherwise.
    pub fn most_runs(mut self, most: usize) -> Self {
        self.most_runs = most;
        self
    }

    /// Runs the program on each seed; what it gave for each, in order, or the first breach.
    ///
    /// # Errors
    /// What the program said of the first seed on which it broke, made small.
    pub fn run<T>(
        &self,
        mut program: impl FnMut(Sim) -> Result<T, String>,
    ) -> Result<Vec<T>, Box<Failure>> {
        let mut outcomes = Vec::new();
        for seed in &self.seeds {
            let plan = self.hazards.plan(*seed);
            match run_once(*seed, &plan, &mut program) {
                Ok(outcome) => outcomes.push(outcome),
                Err(breach) => return Err(self.made_small(*seed, plan, breach, &mut program)),
            }
        }
        Ok(outcomes)
    }

    fn made_small<T>(
        &self,
        seed: u64,
        drawn: Plan,
        breach: Breach,
        program: &mut impl FnMut(Sim) -> Result<T, String>,
    ) -> Box<Failure> {
        let mut smallest = breach;
        let (plan, runs) =
            shrink(&drawn, self.most_runs, |plan| match run_once(seed, plan, program) {
                Err(breach) if breach.kind() == smallest.kind() => {
                    smallest = breach;
                    true
                }
                _ => false,
            });
        let Breach { what, states, log } = smallest;
        Box::new(Failure { seed, breach: what, plan, drawn, runs, states, log })
    }
}

/// Runs a program once, with these faults: to look at a [`Failure`] again.
///
/// # Errors
/// What broke, if anything did.
pub fn replay<T>(
    seed: u64,
    plan: &Plan,
    mut program: impl FnMut(Sim) -> Result<T, String>,
) -> Result<T, Box<Failure>> {
    run_once(seed, plan, &mut program).map_err(|Breach { what, states, log }| {
        let (plan, drawn) = (plan.clone(), plan.clone());
        Box::new(Failure { seed, breach: what, plan, drawn, runs: 0, states, log })
    })
}

struct Breach {
    what: String,
    states: Vec<String>,
    log: Vec<String>,
}

impl Breach {
    fn kind(&self) -> &str {
        self.what.split(':').next().unwrap_or("")
    }
}

fn run_once<T>(
    seed: u64,
    plan: &Plan,
    program: &mut impl FnMut(Sim) -> Result<T, String>,
) -> Result<T, Breach> {
    let shared = Arc::new(Shared { state: Mutex::new(State::new(seed)) });
    let mut sim = Sim::of(shared.clone());
    sim.watched = true;
    sim.apply(plan);
    let outcome = catch_unwind(AssertUnwindSafe(|| program(sim)));
    let what = match outcome {
        Ok(Ok(outcome)) => return Ok(outcome),
        Ok(Err(what)) => what,
        Err(panic) => format!("panic: {}", text_of(panic.as_ref())),
    };
    // The simulation is gone by now; what it was at its end is left in what it shared.
    let mut state = lock(&shared.state);
    let states = state.last_words.take().unwrap_or_default();
    let log = state.log.steps.iter().map(ToString::to_string).collect();
    Err(Breach { what, states, log })
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

impl Failure {
    /// The last lines of the log.
    pub fn tail(&self, lines: usize) -> &[String] {
        &self.log[self.log.len().saturating_sub(lines)..]
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.breach)?;
        let (few, drawn) = (self.plan.faults.len(), self.drawn.faults.len());
        writeln!(f, "faults ({few} of {drawn}, found in {} runs):", self.runs)?;
        self.plan.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))?;
        writeln!(f, "processes:")?;
        for line in &self.states {
            writeln!(f, "  {}", line.chars().take(WIDTH).collect::<String>())?;
        }
        let tail = self.tail(TAIL);
        writeln!(f, "log, last {} of {} lines:", tail.len(), self.log.len())?;
        tail.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl std::error::Error for Failure {}
