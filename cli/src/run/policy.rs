//! The scheduler of one run.
//!
//! Owns the [`Instances`] and where they were launched. Fed by the SDK and by [`Policy::interrupt`];
//! launches on offers while instances wait, suppresses offers when none does. Tells the
//! [`Notice`]s of it; the session tears the framework down.

use super::instances::{Counts, Instances, Place};
use super::Spec;
use meseta_api::resources::{Resources, ResourcesError};
use meseta_api::v1;
use meseta_scheduler::{Driver, Scheduler, Stop};
use std::collections::BTreeMap;
use tokio::sync::mpsc::UnboundedSender;

/// An offer that is too small is not wanted again for this long, in seconds: something may end
/// on that agent meanwhile.
const TOO_SMALL: f64 = 1.0;
/// What is left of an offer that was used is wanted again at once.
const LEFT_OVER: f64 = 0.0;
/// Agents' port where an offer does not tell.
const DEFAULT_PORT: i32 = 5051;

/// What the run's user may want to know.
#[derive(Debug, PartialEq)]
pub enum Notice {
    /// Subscribed under this id.
    Subscribed(String),
    /// The master is gone; it is being looked for.
    Disconnected,
    /// A task has a new status.
    Task {
        /// Its id.
        id: String,
        /// Where it is.
        place: Option<Place>,
        /// The status.
        status: Box<v1::TaskStatus>,
        /// All instances, after it.
        counts: Counts,
    },
    /// An offer came, and it is too small for an instance.
    TooSmall {
        /// What it had.
        cpus: f64,
        /// In megabytes.
        mem: f64,
    },
    /// Every instance has ended; the exit code.
    Ended(u8),
    /// Nothing follows: the master refused the framework.
    Refused(String),
}

/// The scheduler.
pub struct Policy {
    spec: Spec,
    each: Resources,
    instances: Instances,
    places: BTreeMap<String, Place>,
    suppressed: bool,
    ended: bool,
    notices: UnboundedSender<Notice>,
}

impl Policy {
    /// A run of which nothing has been launched.
    pub fn new(spec: Spec, notices: UnboundedSender<Notice>) -> Result<Self, ResourcesError> {
        let each = Resources::parse(&format!("cpus:{};mem:{}", spec.cpus, spec.mem))?;
        let instances = Instances::new(&spec.name, spec.instances);
        Ok(Policy {
            spec,
            each,
            instances,
            places: BTreeMap::new(),
            suppressed: false,
            ended: false,
            notices,
        })
    }

    /// Launches nothing more and kills what runs; the run ends when all of it has.
    pub fn interrupt(&mut self, driver: &mut Driver<'_>) {
        for task in self.instances.interrupt() {
            driver.kill(&task.as_str().into(), None);
        }
        self.tell_end();
    }

    fn tell(&self, notice: Notice) {
        // Whoever listened may have given up.
        let _ = self.notices.send(notice);
    }

    /// Once. The framework stays until its user has read what the tasks wrote.
    fn tell_end(&mut self) {
        if let Some(code) = self.instances.outcome().filter(|_| !self.ended) {
            self.ended = true;
            self.tell(Notice::Ended(code));
        }
    }

    fn offer(&mut self, offer: &v1::Offer, driver: &mut Driver<'_>) {
        let fitting = fitting(offer, &self.each);
        let mut tasks = Vec::new();
        while tasks.len() < fitting {
            let Some(id) = self.instances.launch() else {
                break;
            };
            tasks.push(self.task(&id, offer));
            self.places.insert(id, place(offer));
        }
        let id = [offer.id.clone()];
        if !tasks.is_empty() {
            return driver.launch(&id, tasks, LEFT_OVER);
        }
        driver.decline(&id, TOO_SMALL);
        if self.instances.counts().waiting > 0 {
            let free = free(offer);
            self.tell(Notice::TooSmall { cpus: free.cpus().to_f64(), mem: free.mem().to_f64() });
        }
    }

    fn task(&self, id: &str, offer: &v1::Offer) -> v1::TaskInfo {
        let variable = |(name, value): &(String, String)| v1::environment::Variable {
            name: name.clone(),
            value: Some(value.clone()),
            ..Default::default()
        };
        let variables = self.spec.environment.iter().map(variable).collect();
        v1::TaskInfo {
            name: self.spec.name.clone(),
            task_id: id.into(),
            agent_id: offer.agent_id.clone(),
            resources: self.each.to_v1(),
            command: Some(v1::CommandInfo {
                shell: Some(false),
                value: self.spec.command.first().cloned(),
                arguments: self.spec.command.clone(),
                environment: Some(v1::Environment { variables }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// No offers while nothing waits for one.
    fn suppress(&mut self, driver: &mut Driver<'_>) {
        let idle = self.instances.counts().waiting == 0;
        if idle && !self.suppressed {
            driver.suppress();
        } else if !idle && self.suppressed {
            driver.revive();
        }
        self.suppressed = idle;
    }
}

impl Scheduler for Policy {
    fn subscribed(&mut self, framework_id: &v1::FrameworkId, _: &mut Driver<'_>) {
        // The master has forgotten who wanted no offers.
        self.suppressed = false;
        self.tell(Notice::Subscribed(framework_id.value.clone()));
    }

    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>) {
        for offer in &offers {
            self.offer(offer, driver);
        }
        self.suppress(driver);
    }

    fn update(&mut self, status: v1::TaskStatus, driver: &mut Driver<'_>) {
        let id = status.task_id.value.clone();
        if self.instances.index(&id).is_none() {
            return;
        }
        self.instances.update(&status);
        self.tell(Notice::Task {
            place: self.places.get(&id).cloned(),
            id,
            status: Box::new(status),
            counts: self.instances.counts(),
        });
        self.suppress(driver);
        self.tell_end();
    }

    fn disconnected(&mut self, _: &mut Driver<'_>) {
        self.tell(Notice::Disconnected);
    }

    fn stopped(&mut self, stop: &Stop) {
        if let Stop::Refused(why) = stop {
            self.tell(Notice::Refused(why.clone()));
        }
    }
}

/// What anybody may use of an offer, for good.
fn free(offer: &v1::Offer) -> Resources {
    Resources::from_v1(&offer.resources).unwrap_or_default().unreserved().non_revocable()
}

/// How many times `each` is in an offer.
fn fitting(offer: &v1::Offer, each: &Resources) -> usize {
    let free = free(offer);
    let times = |have: i64, need: i64| match need {
        0 => i64::MAX,
        need => have / need,
    };
    let cpus = times(free.cpus().millis(), each.cpus().millis());
    let mem = times(free.mem().millis(), each.mem().millis());
    usize::try_from(cpus.min(mem)).unwrap_or(0)
}

fn place(offer: &v1::Offer) -> Place {
    let told = offer.url.as_ref().map(|url| &url.address);
    let host = told.and_then(|at| at.ip.clone().or_else(|| at.hostname.clone()));
    let port = told.map_or(DEFAULT_PORT, |at| at.port);
    let host = host.unwrap_or_else(|| offer.hostname.clone());
    Place { agent: offer.agent_id.clone(), address: format!("{host}:{port}") }
}
