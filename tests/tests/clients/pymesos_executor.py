#!/usr/bin/env python3
"""An executor through pymesos: runs nothing, says every message back, ends a task when told to."""

import time

from pymesos import Executor, MesosExecutorDriver


class Echo(Executor):
    def say(self, driver, task_id, state):
        driver.sendStatusUpdate(
            {"task_id": task_id, "state": state, "timestamp": time.time()}
        )

    def launchTask(self, driver, task):
        self.say(driver, task["task_id"], "TASK_RUNNING")

    def killTask(self, driver, task_id):
        self.say(driver, task_id, "TASK_KILLED")

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(message)


if __name__ == "__main__":
    MesosExecutorDriver(Echo()).run()
