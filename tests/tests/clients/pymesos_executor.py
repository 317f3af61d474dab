#!/usr/bin/env python3
"""An executor through pymesos: runs nothing, says every message back and which tasks came as a
group, ends a task when told to."""

import base64
import os
import time

from pymesos import Executor, MesosExecutorDriver


class Echo(Executor):
    def say(self, driver, task_id, state):
        driver.sendStatusUpdate(
            {"task_id": task_id, "state": state, "timestamp": time.time()}
        )

    def launchTask(self, driver, task):
        self.say(driver, task["task_id"], "TASK_RUNNING")

    def launchTaskGroup(self, driver, tasks):
        together = " ".join(task["task_id"]["value"] for task in tasks)
        driver.sendFrameworkMessage(base64.b64encode(together.encode()).decode())
        for task in tasks:
            self.launchTask(driver, task)

    def killTask(self, driver, task_id):
        self.say(driver, task_id, "TASK_KILLED")

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(message)


class Driver(MesosExecutorDriver):
    """Proves itself with the token of its container: pymesos leaves that to its user."""

    def __init__(self, executor):
        super().__init__(executor)
        token = os.environ.get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
        self.authorization = {"Authorization": "Bearer " + token} if token else {}

    def gen_request(self):
        head, body = super().gen_request().split(b"\r\n\r\n", 1)
        more = "".join("\r\n%s: %s" % header for header in self.authorization.items())
        return head + more.encode() + b"\r\n\r\n" + body

    def _send(self, body, path="/api/v1/executor", method="POST", headers={}):
        return super()._send(body, path, method, {**headers, **self.authorization})


if __name__ == "__main__":
    Driver(Echo()).run()
