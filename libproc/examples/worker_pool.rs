//! A pool of workers that survives a poisoned job, and one that does not: supervision.
//!
//! Run it: `cargo run -p libproc --example worker_pool`
//!
//! What to see here:
//! - A panic ends one worker. Its job is `Abandoned`, the desk is told why, and the supervisor
//!   starts the worker again after a pause, with fresh state and under the same id.
//! - The desk holds no handle for long: it asks the supervisor for a worker's present life, and
//!   waits, if it is down just now, without blocking anything.
//! - `Shutdown` ends the pool in order. A worker that fails whatever is done ends its supervisor
//!   instead, with a reason that names it; whoever is linked decides what that means.
//!
//! The panics' own messages are on standard error.

use libproc::supervise::{Backoff, Child, Find, Restart, Shutdown, Strategy, Supervisor};
use libproc::{
    Answer, Context, Exit, Node, NodeConfig, Pid, Process, Reason, Receive, Reply, Sender,
};
use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

const WORKERS: [&str; 3] = ["worker-1", "worker-2", "worker-3"];
const JOBS: u64 = 12;
/// Panics in whoever takes it.
const POISON: u64 = 5;
const WITHIN: Duration = Duration::from_secs(10);
const PAUSES: Backoff =
    Backoff { first: Duration::from_millis(20), most: Duration::from_millis(200) };

/// Squares numbers. Its count is of this life only.
#[derive(Default)]
struct Worker {
    jobs: u32,
}

struct Job(u64);

impl Process for Worker {
    const NAME: &'static str = "worker";
}

impl Answer<Job> for Worker {
    type Reply = (u64, u32);

    fn answer(&mut self, job: Job, _: &Sender, reply: Reply<(u64, u32)>, _: &mut Context<Self>) {
        assert!(job.0 != POISON, "job {POISON} is poisoned");
        self.jobs += 1;
        reply.send((job.0 * job.0, self.jobs));
    }
}

/// Always fails, a moment after it has started.
struct Hopeless;
struct FailDue;

impl Process for Hopeless {
    const NAME: &'static str = "hopeless";

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.after(Duration::from_millis(1), FailDue);
    }
}

impl Receive<FailDue> for Hopeless {
    fn receive(&mut self, _: FailDue, _: &Sender, cx: &mut Context<Self>) {
        cx.stop(Reason::Stopped("the disk is full".into()));
    }
}

/// Hands the jobs out.
struct Desk {
    pool: Pid<Supervisor>,
    jobs: VecDeque<u64>,
    at_work: usize,
}

impl Desk {
    /// Finds the worker, waiting if it is down, and gives it the next job.
    fn employ(&mut self, name: &'static str, cx: &mut Context<Self>) {
        let Some(job) = self.jobs.pop_front() else {
            return self.leave(cx);
        };
        let pool = self.pool.clone();
        cx.ask(&pool, Find::<Worker>::child(name), WITHIN, move |me, found, cx| match found {
            Ok(Ok(worker)) => me.give(name, job, &worker, cx),
            Ok(Err(absent)) => {
                println!("{name} cannot be had: {absent}");
                me.leave(cx);
            }
            Err(error) => {
                println!("{name} cannot be had: {error}");
                me.leave(cx);
            }
        });
    }

    fn give(&mut self, name: &'static str, job: u64, worker: &Pid<Worker>, cx: &mut Context<Self>) {
        cx.link(worker.address());
        cx.ask(worker, Job(job), WITHIN, move |me, answer, cx| {
            match answer {
                Ok((square, count)) => println!("{name}: {job}² = {square} (its job no. {count})"),
                Err(error) => println!("{name}: job {job} is lost: {error}"),
            }
            me.employ(name, cx);
        });
    }

    /// The last worker without a job closes the pool.
    fn leave(&mut self, cx: &mut Context<Self>) {
        self.at_work -= 1;
        if self.at_work == 0 {
            println!("no jobs are left; the pool is closed");
            let pool = self.pool.clone();
            cx.tell(&pool, Shutdown);
        }
    }
}

impl Process for Desk {
    const NAME: &'static str = "desk";

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.link(&self.pool.address().clone());
        for name in WORKERS {
            self.at_work += 1;
            self.employ(name, cx);
        }
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        println!("{} {}", exit.who.id, exit.reason);
        match exit.who.id.as_str() {
            "pool" => {
                let hopeless = Child::new("hopeless", || Hopeless).restart(Restart::OnFailure);
                let trouble = Supervisor::new(Strategy::OneForOne)
                    .backoff(PAUSES)
                    .limit(3, WITHIN)
                    .child(hopeless);
                match cx.spawn("trouble", trouble) {
                    Ok(trouble) => cx.link(trouble.address()),
                    Err(error) => cx.exit_node(Reason::Stopped(error.to_string())),
                }
            }
            "trouble" => cx.exit_node(Reason::Normal),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    libproc::run(async {
        let node = Node::start(NodeConfig::new("example", "worker-pool")).await?;
        let mut pool = Supervisor::new(Strategy::OneForOne).backoff(PAUSES).limit(5, WITHIN);
        for name in WORKERS {
            pool = pool.child(Child::new(name, Worker::default));
        }
        let pool = node.spawn("pool", pool)?;
        let desk = Desk { pool, jobs: (1..=JOBS).collect(), at_work: 0 };
        node.spawn_critical("desk", desk)?;
        match node.finished().await {
            Reason::Normal => Ok(()),
            why => Err(why.to_string().into()),
        }
    })
}
