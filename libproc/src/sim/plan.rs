//! A run's faults: a list that is drawn from a seed, printed, read again, and made smaller.

use super::fault::{DiskFault, Fault, FaultError, Strike};
use super::Rng;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The faults of one run, one a line when printed. Reads what it prints; empty lines and lines that
/// begin with `#` are skipped.
///
/// ```
/// use libproc::sim::Plan;
/// let plan: Plan = "1s cut a -> b for 2.5s\n# then\n3s crash a for 1s".parse()?;
/// assert_eq!(plan.to_string(), "1s cut a -> b for 2.5s\n3s crash a for 1s\n");
/// # Ok::<(), libproc::sim::FaultError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In any order; each says itself when it begins and how long it lasts.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// When the last fault is over.
    pub fn healed_at(&self) -> Duration {
        self.faults.iter().map(|fault| fault.at + fault.lasts).max().unwrap_or_default()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

impl FromStr for Plan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let lines = text.lines().map(str::trim);
        let faults = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Plan { faults: faults.map(str::parse).collect::<Result<_, _>>()? })
    }
}

/// What may break in a program, and how often: what plans are drawn from.
///
/// ```
/// use libproc::sim::{Hazards, Strike};
/// use std::time::Duration;
/// let mut hazards = Hazards::among(&["db", "web"]);
/// hazards.count = 4;
/// hazards.may(Strike::Custom { name: "store".into(), what: "loses an answer".into() });
/// let plan = hazards.plan(7);
/// assert_eq!(plan.faults.len(), 4);
/// assert_eq!(plan, hazards.plan(7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hazards {
    /// What may strike. Each kind is as likely as any other, whatever the number of its victims.
    pub strikes: Vec<Strike>,
    /// How many faults a plan has.
    pub count: usize,
    /// Faults begin before this.
    pub within: Duration,
    /// No fault lasts longer.
    pub longest: Duration,
}

impl Default for Hazards {
    /// Eight faults of half a minute at most, within a minute; nothing that may strike.
    fn default() -> Self {
        Hazards {
            strikes: Vec::new(),
            count: 8,
            within: Duration::from_secs(60),
            longest: Duration::from_secs(30),
        }
    }
}

/// A frame that is late, and an operation of a disk: noticed by every timeout worth its name.
const LATE: Duration = Duration::from_millis(500);
/// Far enough for any certificate, lease or timestamp that trusts the wall clock.
const JUMP: Duration = Duration::from_secs(3600);
/// A twentieth: the worst that clocks in the field do.
const PPM: i32 = 50_000;

impl Hazards {
    /// Everything that a correct program has to bear, among these machines: all but
    /// [`DiskFault::SyncsLie`] and [`Strike::Custom`].
    pub fn among(machines: &[&str]) -> Self {
        let mut hazards = Hazards::default();
        for a in machines {
            hazards.machine(a);
            for b in machines.iter().filter(|b| a < *b) {
                hazards.between(a, b);
            }
        }
        hazards
    }

    /// Adds one that may strike.
    pub fn may(&mut self, strike: Strike) -> &mut Self {
        self.strikes.push(strike);
        self
    }

    /// Adds all that can happen between two machines.
    pub fn between(&mut self, a: &str, b: &str) -> &mut Self {
        let (a, b) = (|| a.to_owned(), || b.to_owned());
        self.may(Strike::Partition(a(), b()))
            .may(Strike::Cut(a(), b()))
            .may(Strike::Cut(b(), a()))
            .may(Strike::Slow(a(), b(), LATE))
            .may(Strike::Slow(b(), a(), LATE))
            .may(Strike::Reset(a(), b()))
            .may(Strike::HalfOpen(a(), b()))
    }

    /// Adds all that can happen to a machine: to itself, its clocks and its disk.
    pub fn machine(&mut self, name: &str) -> &mut Self {
        self.life(name).clocks(name).disk(name)
    }

    /// Adds that a machine crashes, loses power, or is paused.
    pub fn life(&mut self, name: &str) -> &mut Self {
        self.may(Strike::Crash(name.into()))
            .may(Strike::PowerOff(name.into()))
            .may(Strike::Pause(name.into()))
    }

    /// Adds that a machine's clocks go wrong.
    pub fn clocks(&mut self, name: &str) -> &mut Self {
        let jump = |back| Strike::Jump { machine: name.into(), by: JUMP, back };
        self.may(jump(false))
            .may(jump(true))
            .may(Strike::Drift(name.into(), PPM))
            .may(Strike::Drift(name.into(), -PPM))
    }

    /// Adds what a disk that keeps its promise may do.
    pub fn disk(&mut self, name: &str) -> &mut Self {
        for fault in [
            DiskFault::Slow(LATE),
            DiskFault::WritesFail,
            DiskFault::ReadsFail,
            DiskFault::Full,
            DiskFault::SyncsFail,
        ] {
            self.may(Strike::Disk(name.into(), fault));
        }
        self
    }

    /// The kinds among them, each once, in order of appearance.
    pub fn kinds(&self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        for strike in &self.strikes {
            if !kinds.contains(&strike.kind()) {
                kinds.push(strike.kind());
            }
        }
        kinds
    }

    /// The plan of a seed. Kinds take turns, from one that is drawn, so that few seeds have had
    /// them all.
    pub fn plan(&self, seed: u64) -> Plan {
        let mut rng = Rng::stream(seed, 3, 0);
        let kinds = self.kinds();
        let first = rng.below(kinds.len() as u64) as usize;
        let mut faults: Vec<Fault> = (0..self.count)
            .filter_map(|turn| {
                let kind = kinds.get((first + turn) % kinds.len().max(1))?;
                let of_kind: Vec<&Strike> =
                    self.strikes.iter().filter(|strike| strike.kind() == *kind).collect();
                let strike = of_kind.get(rng.below(of_kind.len() as u64) as usize)?;
                let at = millis(self.within, &mut rng);
                let lasts = millis(self.longest, &mut rng);
                let lasts = if strike.is_instant() { Duration::ZERO } else { lasts };
                Some(Fault { at, lasts, strike: (*strike).clone() })
            })
            .collect();
        faults.sort_by_key(|fault| fault.at);
        Plan { faults }
    }
}

/// Whole milliseconds, so that a plan is read at a glance.
fn millis(below: Duration, rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.below(u64::try_from(below.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_its_kinds_in_turn_and_round_trips() {
        let mut hazards = Hazards::among(&["a", "b", "c"]);
        hazards.count = 2 * hazards.kinds().len();
        for seed in 0..50 {
            let plan = hazards.plan(seed);
            for kind in hazards.kinds() {
                let count = plan.faults.iter().filter(|f| f.strike.kind() == kind).count();
                assert_eq!(count, 2, "{kind} of seed {seed}");
            }
            assert_eq!(plan.to_string().parse(), Ok(plan.clone()));
            assert_ne!(plan, hazards.plan(seed + 1));
        }
    }

    #[test]
    fn nothing_to_draw_from_is_no_fault() {
        assert_eq!(Hazards::default().plan(1), Plan::default());
        let mut narrow = Hazards { longest: Duration::ZERO, ..Hazards::default() };
        narrow.within = Duration::ZERO;
        narrow.may(Strike::Crash("a".into()));
        assert!(narrow.plan(1).faults.iter().all(|f| f.at.is_zero() && f.lasts.is_zero()));
    }
}
