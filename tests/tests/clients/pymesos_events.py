#!/usr/bin/env python3
"""An operator through pymesos, a v1 client from PyPI: follows what happens in the cluster while
a framework of pymesos_flow.py lives its life.

    pymesos_events.py HOST:PORT SECONDS

One line per step; the first thing that is wrong, or SECONDS without an end, is the last line, and
the exit code is 1.
"""

import os
import subprocess
import sys
import threading

from pymesos import MesosOperatorMasterDriver, OperatorMaster


class Follower(OperatorMaster):
    def __init__(self):
        self.events = []
        self.changed = threading.Condition()

    def heard(self, what, content):
        with self.changed:
            self.events.append((what, content))
            self.changed.notify_all()

    def taskAdded(self, task):
        self.heard("task added", (task["task_id"]["value"], task["state"]))

    def taskUpdated(self, update):
        task = update["status"]["task_id"]["value"]
        self.heard("task updated", (task, update["state"]))

    def frameworkAdded(self, framework):
        info = framework["framework_info"]
        self.heard("framework added", info["name"])
        self.framework = info["id"]["value"]

    def frameworkUpdated(self, framework):
        self.heard("framework updated", framework["framework_info"]["name"])

    def frameworkRemoved(self, info):
        self.heard("framework removed", info["id"]["value"])

    def agentAdded(self, agent):
        self.heard("agent added", agent["agent_info"]["id"]["value"])

    def agentRemoved(self, agent):
        self.heard("agent removed", agent)


class Driver(MesosOperatorMasterDriver):
    subscribed = threading.Event()

    def on_subscribed(self, info):
        self.agents = info["get_state"]["get_agents"]["agents"]
        self.subscribed.set()


def main(master, seconds):
    follower = Follower()
    driver = Driver(master, follower)
    driver.start()
    if not driver.subscribed.wait(seconds):
        return "never subscribed"
    print("subscribed, %d agents" % len(driver.agents), flush=True)
    flow = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pymesos_flow.py")
    command = [sys.executable, flow, master, str(seconds)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    removed = lambda: any(what == "framework removed" for what, _ in follower.events)
    with follower.changed:
        if not follower.changed.wait_for(removed, seconds):
            return "the framework is never removed: %s" % follower.events
    kinds = [what for what, _ in follower.events]
    first, last = follower.events[0], follower.events[-1]
    if first[0] != "framework added" or last != ("framework removed", follower.framework):
        return "begins with %s, ends with %s" % (first, last)
    print("the framework from its first event to its last", flush=True)
    added = [content for what, content in follower.events if what == "task added"]
    if len(added) != 24 or any(state != "TASK_STAGING" for _, state in added):
        return "tasks added: %s" % added
    print("24 tasks added", flush=True)
    ended = {"TASK_FINISHED": 0, "TASK_KILLED": 0}
    for what, content in follower.events:
        if what == "task updated" and content[1] in ended:
            ended[content[1]] += 1
    if ended != {"TASK_FINISHED": 20, "TASK_KILLED": 4}:
        return "ended: %s, of %s" % (ended, kinds)
    print("20 finished, 4 killed", flush=True)
    driver.stop()
    return None


if __name__ == "__main__":
    wrong = main(sys.argv[1], float(sys.argv[2]))
    if wrong:
        print(wrong, flush=True)
    # Threads of the driver may still wait for the master.
    os._exit(1 if wrong else 0)
