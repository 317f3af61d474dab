//! One run from subscription to teardown: [`Session`].
//!
//! Owns the node, the scheduler and the followers. Fed by the policy's [`Notice`]s, by followers'
//! text and by signals; ends with the exit code.

use super::follow::follow;
use super::instances::Place;
use super::lines::Lines;
use super::policy::{Notice, Policy};
use super::progress::Progress;
use super::Spec;
use crate::client::files::{sandbox_path, RemoteFile};
use crate::exit;
use crate::signals::Interrupts;
use anyhow::{bail, Context};
use libproc::{Node, Pid};
use meseta_api::v1::{TaskState, TaskStatus};
use meseta_node::keys::Credential;
use meseta_scheduler::{Act, SchedulerConfig, SchedulerProcess};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Longest wait for followers after every instance has ended.
const DRAIN: Duration = Duration::from_secs(5);
/// Without a subscription for this long, the user is told …
const PATIENCE: Duration = Duration::from_secs(5);
/// … and after this long without the first one nothing is going to run: longer than an election
/// with the default lease takes. A run that has begun waits for its master for ever.
const GIVE_UP: Duration = Duration::from_secs(20);

/// A run that is going on.
pub struct Session {
    node: Node,
    scheduler: Pid<SchedulerProcess<Policy>>,
    notices: mpsc::UnboundedReceiver<Notice>,
    progress: Progress,
    framework: String,
    masters: String,
    followers: Option<Followers>,
    interrupts: u32,
    hinted: bool,
}

struct Followers {
    prefixed: bool,
    credential: Credential,
    ended: BTreeMap<String, watch::Sender<bool>>,
    text: mpsc::UnboundedReceiver<String>,
    sink: Option<mpsc::UnboundedSender<String>>,
}

impl Session {
    /// Starts the framework; `follow` streams what instances write, and is what agents that ask
    /// are shown.
    pub fn start(
        node: Node,
        config: SchedulerConfig,
        spec: Spec,
        follow: Option<Credential>,
    ) -> anyhow::Result<Self> {
        let (sender, notices) = mpsc::unbounded_channel();
        let progress = Progress::new(spec.instances);
        let followers = follow.map(|credential| Followers::new(spec.instances > 1, credential));
        let policy = Policy::new(spec, sender).context("--cpus or --mem")?;
        let masters = config.masters.to_string();
        let scheduler = meseta_scheduler::spawn(&node, config, policy)?;
        Ok(Session {
            node,
            scheduler,
            notices,
            progress,
            framework: String::new(),
            masters,
            followers,
            interrupts: 0,
            hinted: false,
        })
    }

    /// Runs to the end; the exit code.
    pub async fn run(mut self) -> anyhow::Result<u8> {
        let mut interrupts = Interrupts::new()?;
        let patience = self.node.sleep(PATIENCE);
        tokio::pin!(patience);
        let mut told = false;
        let code = loop {
            let node = self.node.clone();
            tokio::select! { biased;
                () = interrupts.next() => {
                    if let Some(code) = self.interrupt() {
                        break code;
                    }
                }
                notice = self.notices.recv() => match notice {
                    Some(Notice::Ended(code)) => break code,
                    Some(notice) => self.notice(notice)?,
                    None => bail!("the framework's scheduler ended"),
                },
                text = next_text(&mut self.followers) => self.print(&text),
                reason = node.ended() => bail!("the framework's node ended: {reason}"),
                () = &mut patience, if self.framework.is_empty() => {
                    if told {
                        bail!("not subscribed within {} s: is there a master at {}?", GIVE_UP.as_secs(), self.masters);
                    }
                    told = true;
                    self.progress.say("not subscribed yet: is the master there? still trying");
                    patience.set(self.node.sleep(GIVE_UP - PATIENCE));
                }
            }
        };
        self.drain(&mut interrupts).await;
        self.progress.finish();
        let teardown = Act::new(|_: &mut Policy, driver| driver.stop(true));
        self.scheduler.tell(teardown);
        // The scheduler ends its node when it has said so.
        self.node.finished().await;
        Ok(code)
    }

    /// The first one kills the tasks, the second one gives up waiting for that.
    fn interrupt(&mut self) -> Option<u8> {
        self.interrupts += 1;
        if self.interrupts > 1 {
            return Some(exit::INTERRUPTED);
        }
        self.progress.say("killing the tasks; once more to stop waiting for them");
        self.scheduler.tell(Act::new(Policy::interrupt));
        None
    }

    fn notice(&mut self, notice: Notice) -> anyhow::Result<()> {
        match notice {
            Notice::Subscribed(id) => {
                self.progress.line(&format!("framework {id}"));
                self.framework = id;
            }
            Notice::Disconnected => {
                self.progress.say("the master is gone; looking for it");
            }
            Notice::Task { id, place, status, counts } => {
                self.progress.counts(counts);
                self.show(&id, place.as_ref(), &status);
                self.follow(&id, place, &status);
            }
            Notice::TooSmall { cpus, mem } if !self.hinted => {
                self.hinted = true;
                self.progress.say(&format!(
                    "waiting: an agent offers cpus:{cpus};mem:{mem}, too little for an instance"
                ));
            }
            Notice::TooSmall { .. } => {}
            Notice::Refused(why) => bail!("the master refused the framework: {why}"),
            // The loop ends with it.
            Notice::Ended(_) => {}
        }
        Ok(())
    }

    fn show(&self, id: &str, place: Option<&Place>, status: &TaskStatus) {
        let state = status.state();
        let mut line = format!("{id} {}", state.as_str_name());
        if let Some(place) = place {
            line += &format!(" on {}", place.address);
        }
        let failed = state.is_terminal() && state != TaskState::TaskFinished;
        match status.message.as_deref().filter(|_| failed) {
            Some(message) => self.progress.say(&format!("{line}: {message}")),
            None if failed => self.progress.say(&line),
            None => self.progress.line(&line),
        }
    }

    fn follow(&mut self, id: &str, place: Option<Place>, status: &TaskStatus) {
        let Some(followers) = &mut self.followers else {
            return;
        };
        if !followers.ended.contains_key(id) {
            let (Some(place), Some(sink)) = (place, followers.sink.clone()) else {
                return;
            };
            let path = sandbox_path(&self.framework, id, "stdout");
            let file = RemoteFile::new(&place.address, path, followers.credential.clone());
            let lines = Lines::new(followers.prefixed.then(|| format!("{id} | ")));
            let (sender, ended) = watch::channel(false);
            followers.ended.insert(id.to_owned(), sender);
            let following = follow(self.node.clone(), file, lines, ended, sink);
            self.node.spawn_future(following);
        }
        if let (true, Some(sender)) = (status.state().is_terminal(), followers.ended.get(id)) {
            sender.send_replace(true);
        }
    }

    fn print(&self, text: &str) {
        // A reader that went away does not end the run.
        let _ = self.progress.around(|| {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
    }

    /// Lets followers read what was written last.
    async fn drain(&mut self, interrupts: &mut Interrupts) {
        let deadline = self.node.sleep(DRAIN);
        tokio::pin!(deadline);
        if let Some(followers) = &mut self.followers {
            followers.sink = None;
            for ended in followers.ended.values() {
                ended.send_replace(true);
            }
        }
        while let Some(text) = tokio::select! { biased;
            text = all_text(&mut self.followers) => text,
            () = &mut deadline => None,
            () = interrupts.next() => None,
        } {
            self.print(&text);
        }
    }
}

impl Followers {
    fn new(prefixed: bool, credential: Credential) -> Self {
        let (sink, text) = mpsc::unbounded_channel();
        Followers { prefixed, credential, ended: BTreeMap::new(), text, sink: Some(sink) }
    }
}

/// The next text; waits for ever where nothing is followed.
async fn next_text(followers: &mut Option<Followers>) -> String {
    match all_text(followers).await {
        Some(text) => text,
        None => std::future::pending().await,
    }
}

/// The next text; none when all followers have ended.
async fn all_text(followers: &mut Option<Followers>) -> Option<String> {
    match followers {
        Some(followers) => followers.text.recv().await,
        None => None,
    }
}
