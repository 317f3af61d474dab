// One framework's life through mesos-framework, a v1 client from npm.
//
//     mesos_framework_flow.js HOST:PORT SECONDS LOG_DIR
//
// Subscribes, runs 20 commands to their end, reconciles a running task, kills it, and tears the
// framework down. One line per step; the first thing that is wrong, or SECONDS without an end, is
// the last line, and the exit code is 1.
"use strict";

const http = require("http");
const { Scheduler, Mesos } = require("mesos-framework");

const mesos = Mesos.getMesos();
const COMMANDS = 20;
const [host, port] = process.argv[2].split(":");
const seconds = Number(process.argv[3]);

let step = "subscribed";
// Task id -> its states in the order of their arrival.
const states = new Map();

function done(what) {
    console.log(what);
}

function fail(why) {
    const seen = [...states].map(([id, list]) => `${id}: ${list.join(" ")}`).join("; ");
    console.log(`failed: ${step}: ${why}${seen ? `; statuses: ${seen}` : ""}`);
    process.exit(1);
}

setTimeout(() => fail("not in time"), seconds * 1000).unref();
process.on("uncaughtException", (error) => fail(error.stack));

function task(command, instances, priority) {
    return {
        priority,
        instances,
        // Arguments: URIs, environment, shell, command, arguments, user.
        commandInfo: new mesos.CommandInfo(null, new mesos.Environment([]), true, command, null, null),
        resources: { cpus: 0.05, mem: 32, ports: 0, disk: 0 },
    };
}

const scheduler = new Scheduler({
    masterUrl: host,
    port: Number(port),
    frameworkName: "mesos-framework-flow",
    frameworkFailoverTimeout: 60,
    // No task is started again.
    restartStates: ["TASK_ERROR"],
    logging: { path: process.argv[4], fileName: "mesos-framework.log", level: "error" },
    tasks: { short: task("exit 0", COMMANDS, 1), sleeper: task("sleep 600", 1, 2) },
});

function ended(name, state) {
    const of = [...states].filter(([id]) => id.includes(`.${name}-`));
    return of.filter(([, list]) => list.includes(state)).length;
}

let sleeper = null;

function advance(status) {
    const id = status.task_id.value;
    if (step === "finished" && ended("short", "TASK_FINISHED") === COMMANDS) {
        done(`${COMMANDS} tasks TASK_FINISHED`);
        step = "running";
    }
    if (id.includes(".sleeper-") && status.state === "TASK_RUNNING" && !sleeper) {
        sleeper = status;
    }
    if (step === "running" && sleeper) {
        done("sleeper TASK_RUNNING");
        step = "reconciled";
        scheduler.reconcile(sleeper.task_id.value, sleeper.agent_id.value);
    } else if (step === "reconciled" && status.reason === "REASON_RECONCILIATION") {
        if (id !== sleeper.task_id.value || status.state !== "TASK_RUNNING" || status.uuid) {
            fail(`an odd answer: ${JSON.stringify(status)}`);
        }
        done("reconciled: the sleeper runs");
        step = "killed";
        scheduler.kill(sleeper.task_id.value, sleeper.agent_id.value);
    } else if (step === "killed" && id === sleeper.task_id.value && status.state === "TASK_KILLED") {
        done("sleeper TASK_KILLED");
        step = "torn down";
        scheduler.teardown();
    }
}

function tornDown() {
    http.get({ host, port, path: "/state" }, (response) => {
        let body = "";
        response.on("data", (chunk) => (body += chunk));
        response.on("end", () => {
            const ids = (list) => list.map((framework) => framework.id);
            const state = JSON.parse(body);
            const gone = ids(state.completed_frameworks).includes(scheduler.frameworkId);
            if (!gone || ids(state.frameworks).includes(scheduler.frameworkId)) {
                // It leaves `frameworks` when its removal is durable.
                return setTimeout(tornDown, 50);
            }
            done("torn down");
            process.exit(0);
        });
    });
}

scheduler.on("ready", () => scheduler.subscribe());
scheduler.on("subscribed", (info) => {
    if (!info.frameworkId || !info.mesosStreamId) {
        fail(`subscribed without an id: ${JSON.stringify(info)}`);
    }
    done("subscribed");
    step = "finished";
});
scheduler.on("update", (update) => {
    const { status } = update;
    if (!states.has(status.task_id.value)) {
        states.set(status.task_id.value, []);
    }
    states.get(status.task_id.value).push(status.state);
    advance(status);
});
scheduler.on("sent_teardown", tornDown);
scheduler.on("error", (error) => {
    // The end of the stream is how a teardown looks from here.
    if (step !== "torn down") {
        fail(typeof error === "string" ? error : error.message);
    }
});
