#!/usr/bin/env python3
"""One framework's life through pymesos, a v1 client from PyPI.

    pymesos_flow.py HOST:PORT SECONDS [PRINCIPAL SECRET]

Subscribes, runs 20 commands to their end, speaks with an executor of pymesos, launches a group on
another, reconciles a running task and an unknown one, kills the running one, and tears the framework down. One line per step; the first thing that is wrong, or
SECONDS without an end, is the last line, and the exit code is 1.
"""

import base64
import json
import os
import shlex
import sys
import threading
import time
from urllib.request import Request, urlopen

from pymesos import MesosSchedulerDriver, Scheduler

COMMANDS = 20
SLEEPER = "sleeper"
ECHO = "echo"
GROUP = ["first", "second"]
UNKNOWN = "never-launched"
NEEDS = {"cpus": 0.1, "mem": 32}


class Failed(Exception):
    pass


def needs(share):
    return [
        {"name": resource, "type": "SCALAR", "scalar": {"value": amount * share}}
        for resource, amount in NEEDS.items()
    ]


def task(offer, name, what):
    """`what` is a shell command, or an executor, with which the task shares what it needs; none in
    a group, whose executor is the group's."""
    of = {"command": {"value": what}} if isinstance(what, str) else {"executor": what}
    of = of if what else {}
    share = 1 if isinstance(what, str) else 0.5
    return {
        "name": name,
        "task_id": {"value": name},
        "agent_id": offer["agent_id"],
        "resources": needs(share),
        **of,
    }


def echo(framework, name=ECHO):
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pymesos_executor.py")
    command = "exec %s %s" % (shlex.quote(sys.executable), shlex.quote(program))
    return {
        "executor_id": {"value": name},
        "framework_id": {"value": framework},
        "name": name,
        "command": {"value": command},
        "resources": needs(0.5),
    }


def group(offer, framework):
    """LAUNCH_GROUP of two tasks; its executor states its type, and has some disk."""
    disk = {"name": "disk", "type": "SCALAR", "scalar": {"value": 1}}
    executor = {**echo(framework, "together"), "type": "CUSTOM"}
    executor["resources"] = needs(1) + [disk]
    tasks = [task(offer, name, None) for name in GROUP]
    launch = {"executor": executor, "task_group": {"tasks": tasks}}
    return {"type": "LAUNCH_GROUP", "launch_group": launch}


def fits(offer):
    """How many tasks an offer has room for."""
    has = dict.fromkeys(NEEDS, 0)
    for resource in offer["resources"]:
        if resource["name"] in has:
            has[resource["name"]] += resource["scalar"]["value"]
    return min(int(has[name] / amount + 1e-6) for name, amount in NEEDS.items())


class Flow(Scheduler):
    """Told of everything on the driver's thread; `wait` is the main thread's."""

    def __init__(self):
        self.changed = threading.Condition()
        self.framework = None
        self.wrong = None
        self.statuses = []
        self.messages = []
        self.pending = [("task-%d" % n, "exit 0") for n in range(COMMANDS)]
        self.wants_group = False

    def registered(self, driver, framework_id, master_info):
        with self.changed:
            self.framework = framework_id["value"]
            self.changed.notify_all()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            for member in ("hostname", "url", "allocation_info"):
                if member not in offer:
                    self.fail("an offer has no %s" % member)
            with self.changed:
                grouped = self.wants_group and fits(offer) >= 2
                self.wants_group = self.wants_group and not grouped
            if grouped:
                driver.acceptOffers(offer["id"], [group(offer, self.framework)])
                continue
            with self.changed:
                count = min(fits(offer), len(self.pending))
                chosen, self.pending = self.pending[:count], self.pending[count:]
            if chosen:
                tasks = [task(offer, name, command) for name, command in chosen]
                driver.launchTasks(offer["id"], tasks, {"refuse_seconds": 0})
            else:
                driver.declineOffer(offer["id"], {"refuse_seconds": 1})

    def statusUpdate(self, driver, status):
        with self.changed:
            self.statuses.append(status)
            self.changed.notify_all()

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        with self.changed:
            self.messages.append(base64.b64decode(message))
            self.changed.notify_all()

    def error(self, driver, message):
        self.fail("ERROR event: %s" % message)

    def fail(self, why):
        with self.changed:
            self.wrong = self.wrong or why
            self.changed.notify_all()

    # ---- for the main thread

    def submit(self, name, command):
        with self.changed:
            self.pending.append((name, command))

    def states(self, name):
        return [s["state"] for s in self.statuses if s["task_id"]["value"] == name]

    def reconciled(self, name):
        return [
            s["state"]
            for s in self.statuses
            if s["task_id"]["value"] == name and s.get("reason") == "REASON_RECONCILIATION"
        ]

    def wait(self, what, true):
        with self.changed:
            while not self.wrong and not true():
                if not self.changed.wait(DEADLINE - time.monotonic()):
                    break
            if self.wrong:
                raise Failed("%s: %s" % (what, self.wrong))
            if not true():
                seen = [(s["task_id"]["value"], s["state"]) for s in self.statuses]
                raise Failed("%s: not in time; statuses: %s" % (what, seen))
        print(what, flush=True)


def state(master, who):
    request = Request("http://%s/state" % master)
    if who:
        pair = base64.b64encode((":".join(who)).encode()).decode()
        request.add_header("Authorization", "Basic " + pair)
    with urlopen(request, timeout=10) as response:
        return json.load(response)


def torn_down(master, framework, who):
    """Waits until the framework's removal is durable: only then is it to be seen."""
    while True:
        seen = state(master, who)
        present = [f["id"] for f in seen["frameworks"]]
        completed = [f["id"] for f in seen["completed_frameworks"]]
        if framework in completed and framework not in present:
            return
        if time.monotonic() > DEADLINE:
            raise Failed("torn down: /state has %s, completed %s" % (present, completed))
        time.sleep(0.05)


def run(master, who):
    flow = Flow()
    info = {"user": "root", "name": "pymesos-flow"}
    principal, secret = who or (None, None)
    driver = MesosSchedulerDriver(flow, info, master, principal=principal, secret=secret)
    driver.start()
    flow.wait("subscribed", lambda: flow.framework)
    if who:
        owners = [f.get("principal") for f in state(master, who)["frameworks"]]
        if owners != [principal]:
            raise Failed("frameworks are of the principals %s" % owners)
        print("it is its principal's", flush=True)

    names = ["task-%d" % n for n in range(COMMANDS)]
    flow.wait(
        "%d tasks TASK_FINISHED" % COMMANDS,
        lambda: all("TASK_FINISHED" in flow.states(name) for name in names),
    )
    for name in names:
        order = flow.states(name)
        if [s for s in order if s in ("TASK_RUNNING", "TASK_FINISHED")] != sorted(
            set(order) & {"TASK_RUNNING", "TASK_FINISHED"}, reverse=True
        ):
            raise Failed("%s: statuses out of order or repeated: %s" % (name, order))
    updates = [s for s in flow.statuses if "uuid" in s]
    for member in ("agent_id", "source", "timestamp", "container_status"):
        if any(member not in s for s in updates):
            raise Failed("a status has no %s" % member)
    print("statuses in order, with what clients dereference", flush=True)

    flow.submit(ECHO, echo(flow.framework))
    driver.reviveOffers()
    flow.wait("an executor of pymesos runs a task", lambda: "TASK_RUNNING" in flow.states(ECHO))
    on = next(s for s in flow.statuses if s["task_id"]["value"] == ECHO)["agent_id"]
    said = base64.b64encode(b"\0hello\xff").decode()
    driver.sendFrameworkMessage({"value": ECHO}, on, said)
    flow.wait("it says a message back", lambda: b"\0hello\xff" in flow.messages)
    driver.killTask({"value": ECHO})
    flow.wait("its task TASK_KILLED", lambda: "TASK_KILLED" in flow.states(ECHO))

    with flow.changed:
        flow.wants_group = True
    driver.reviveOffers()
    flow.wait(
        "a group runs in an executor of pymesos",
        lambda: all("TASK_RUNNING" in flow.states(name) for name in GROUP),
    )
    flow.wait("which got it whole", lambda: " ".join(GROUP).encode() in flow.messages)
    for name in GROUP:
        driver.killTask({"value": name})
    flow.wait(
        "its tasks TASK_KILLED",
        lambda: all("TASK_KILLED" in flow.states(name) for name in GROUP),
    )

    flow.submit(SLEEPER, "sleep 600")
    driver.reviveOffers()
    flow.wait("sleeper TASK_RUNNING", lambda: "TASK_RUNNING" in flow.states(SLEEPER))

    driver.reconcileTasks([{"task_id": {"value": SLEEPER}}, {"task_id": {"value": UNKNOWN}}])
    flow.wait(
        "reconciled: the sleeper runs",
        lambda: "TASK_RUNNING" in flow.reconciled(SLEEPER),
    )
    flow.wait(
        "reconciled: the unknown task is lost",
        lambda: "TASK_LOST" in flow.reconciled(UNKNOWN),
    )

    driver.killTask({"value": SLEEPER})
    flow.wait("sleeper TASK_KILLED", lambda: "TASK_KILLED" in flow.states(SLEEPER))

    driver.stop()
    driver.join()
    torn_down(master, flow.framework, who)
    print("torn down", flush=True)


if __name__ == "__main__":
    DEADLINE = time.monotonic() + float(sys.argv[2])
    try:
        run(sys.argv[1], sys.argv[3:5])
    except Failed as failed:
        print("failed: %s" % failed, flush=True)
        # The driver's thread may still run.
        os._exit(1)
