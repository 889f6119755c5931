"""Trainings that are made to be killed; `test_kill.py` starts this as a process of its own.

    python killed_run.py NAME FOLDER KILLS [FAULT]

starts a training, kills it after a few of its steps, starts it again, until it is finished; and
begins another one in another folder, until so many kills have hit. The killing is done here and
not in the tests because a process that has only this to do can fork: a life then costs
milliseconds, and the random places of the kills are many.
"""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from rnnlib import RNN, SGD, Adam, HalveOnRise, RMSProp, checkpoint, clip_global_norm
from rnnlib.batching import Sequences, Stream
from rnnlib.files import remove_unfinished, write_whole
from rnnlib.train import fit

RUNS = {}


def run(function):
    RUNS[function.__name__] = function
    return function


@run
def stream():
    """A state that is carried on, Adam, clipping; no generator, and a checkpoint at each step."""
    text = np.random.default_rng(1).integers(5, size=(61, 2))
    data = Stream(text[:-1], text[1:], window=5)
    model = RNN(5, 4, 5, cell="lstm", rng=np.random.default_rng(2))
    options = {"clip": lambda grads: clip_global_norm(grads, 1.5), "every": 1, "epochs": 5}
    return model, Adam(0.05), data, None, options


@run
def sequences():
    """Shuffled sequences with a mask, momentum, patience, MT19937; it ends early."""
    rng = np.random.default_rng(3)
    inputs = rng.integers(4, size=(6, 40))
    targets = np.where(rng.random((6, 40)) < 0.5, inputs % 3, rng.integers(3, size=(6, 40)))
    mask = np.arange(6)[:, None] < rng.integers(3, 7, 20)
    data = Sequences(inputs[:, :20], targets[:, :20], mask, batch_size=3)
    held_out = Sequences(inputs[:, 20:], targets[:, 20:], batch_size=6)
    model = RNN(4, 8, 3, rng=np.random.default_rng(4), initial_state="learned")
    shuffles = np.random.Generator(np.random.MT19937(5))
    options = {"validation": held_out, "patience": 3, "every": 2, "epochs": 30}
    return model, SGD(0.005, momentum=0.9, nesterov=True), data, shuffles, options


@run
def windows():
    """Shuffled windows of float32, a rate that is halved, PCG64, a checkpoint at times."""
    text = np.random.default_rng(6).integers(4, size=81)
    data = Stream(text[:-1], text[1:], window=7, carry=False)
    model = RNN(4, 6, 4, cell="gru", dtype="float32", rng=np.random.default_rng(7))
    optimizer = HalveOnRise(RMSProp(0.3, momentum=0.5))
    return model, optimizer, data, np.random.default_rng(8), {"every": 3, "epochs": 6}


def train(name, path=None, report=lambda: None):
    """Begin one of the runs, or resume it if its file is there; return how it has ended."""
    model, optimizer, data, rng, options = RUNS[name]()
    loss_and_grads = model.loss_and_grads

    def reporting(*batch):
        report()
        return loss_and_grads(*batch)

    model.loss_and_grads = reporting
    if path is None:
        del options["every"]
    history = fit(
        model, optimizer, data, rng=rng, checkpoint=path, resume=path is not None,
        progress=False, **options,
    )  # fmt: skip
    told = {name: value for name, value in vars(history).items() if name != "seconds"}
    generator = rng and rng.bit_generator.state
    parts = {"params": model.params, "optimizer": optimizer.state(), "generator": generator}
    return parts | {"history": told}


# One life


def in_place(path, write, previous=None):
    """A planted fault: the way in which most programs write their files."""
    with open(path, "wb") as file:
        write(file)


def live(name, folder, reports, fault):
    """Train, with a dot for the start and for each step, and leave the outcome in a file."""
    if fault:
        checkpoint.write_whole = in_place
    outcome = folder / "outcome"
    remove_unfinished(outcome)
    os.write(reports, b".")
    result = train(name, folder / "run.npz", lambda: os.write(reports, b"."))
    write_whole(outcome, lambda file: pickle.dump(result, file))


FAILED = 3  # how a life ends that has ended with an error


def live_and_tell(name, folder, reports, fault):
    """Return how a life has ended."""
    try:
        live(name, folder, reports, fault)
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        return FAILED
    return 0


class Forked:
    """A life that is a copy of this process: it has imported everything already."""

    def __init__(self, name, folder, fault):
        self.reports, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(live_and_tell(name, folder, writing, fault))
        os.close(writing)

    def end(self):
        """Kill it, if it still lives, and return how it has ended."""
        os.kill(self.pid, signal.SIGKILL)  # nobody has waited for it: the number is still its own
        os.close(self.reports)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Started:
    """A life that begins with the imports, where processes cannot be forked."""

    def __init__(self, name, folder, fault):
        command = [sys.executable, __file__, "live", name, str(folder), fault]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.reports = self.process.stdout.fileno()

    def end(self):
        """Kill it, if it still lives, and return how it has ended."""
        self.process.kill()
        self.process.stdout.close()
        return self.process.wait()


LIFE = Forked if hasattr(os, "fork") else Started


# Many deaths


def kill_until_it_is_finished(name, folder, chance, fault=""):
    """Let a training die again and again; return how many kills have hit it, and when."""
    kills = {"between": 0, "writing": 0}
    usual = 0.002  # seconds from dot to dot, to begin with
    while not (folder / "outcome").exists():
        life = LIFE(name, folder, fault)
        for i in range(chance.randint(1, 8)):
            since = time.perf_counter()
            if not os.read(life.reports, 1):
                break  # it has ended
            if i:
                usual = 0.8 * usual + 0.2 * (time.perf_counter() - since)
        time.sleep(chance.uniform(0, 2) * usual)
        ended = life.end()
        if ended == FAILED:
            raise SystemExit(f"{name}: a life has failed, after {kills}")
        if ended:
            kills["writing" if list(folder.glob(".run.*.tmp")) else "between"] += 1
    return kills


def main(name, folder, least, fault=""):
    """Kill one run after the other, until so many kills have hit, in both kinds of places."""
    found = []
    for i in range(20):
        below = Path(folder) / str(i)
        below.mkdir()
        found.append(kill_until_it_is_finished(name, below, random.Random(i), fault))
        print(json.dumps(found[-1]), flush=True)
        total = {where: sum(kills[where] for kills in found) for where in found[0]}
        if sum(total.values()) >= int(least) and all(total.values()):
            break


if __name__ == "__main__":
    if sys.argv[1] == "live":
        name, folder, fault = sys.argv[2:]
        sys.exit(live_and_tell(name, Path(folder), 1, fault))
    main(*sys.argv[1:])
