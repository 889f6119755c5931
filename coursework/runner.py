"""Runs the cells of a notebook in a kernel that may flood, hang, die, or become too many."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from coursework import sandbox
from coursework.sandbox import Limits
from coursework.sources import TESTS, role

# The kinds of output that are kept: the others could hold a script for the marker's browser.
KEPT = ("text/plain", "image/png", "image/jpeg", "text/latex")
OUTPUTS = 30  # of one cell
HEARD = 20_000_000  # characters that are listened to, of one cell
FILES = 1000  # in the folder of the kernel's sockets
RESTARTS = 3  # of the kernel
NOT_RUN = ("NotRun", "Stopped", "TimeoutError")  # how a cell ends that the grader stopped


class Runner:
    """Runs the cells of a notebook; starts a new kernel where one dies."""

    def __init__(
        self, notebook: NotebookNode, run: Path, files: list[Path], limits: Limits, walled: bool
    ) -> None:
        self.notebook, self.run, self.files = notebook, run, files
        self.limits, self.walled = limits, walled
        self.end = time.monotonic() + limits.seconds
        self.lost: set[int] = set()  # cells that took a kernel with them
        self.left_out: set[int] = set()  # cells that failed, and are not run for a new kernel
        self.left = 0  # cells that were not run
        self.started = False  # a kernel came up

    async def run_all(self) -> None:
        """Run every code cell."""
        code = [i for i, cell in enumerate(self.notebook.cells) if cell.cell_type == "code"]
        for index in code:
            self.notebook.cells[index].outputs = []
        done: list[int] = []
        for attempt in range(1 + RESTARTS):
            (self.run / str(attempt)).mkdir()
            await self._run(code, done, self.run / str(attempt))
            if len(done) == len(code) or time.monotonic() > self.end:
                break
        for index in code[len(done) :]:
            self._fail(index, "NotRun", "the notebook's time was over, or Python stopped too often")
        self.left = len(code) - len(done)
        for index in code:  # a display can be changed after its cell has ended
            cell = self.notebook.cells[index]
            cell.outputs = tidy(cell.outputs, self.limits.output)

    def notes(self, unnamed: list[str]) -> list[str]:
        """Return what the student should know of the run."""
        cells = [self.notebook.cells[index] for index in sorted(self.lost)]
        names = ", ".join(cell.id for cell in cells if cell.id not in unnamed)
        notes = [f"Python stopped, or did not answer, in these cells: {names}."] if names else []
        if self.left:
            notes.append(f"{self.left} cells were not run: the time was over, or Python stopped.")
        return notes

    async def _run(self, code: list[int], done: list[int], run: Path) -> None:
        """Run on with a new kernel, after what earlier ones had defined."""
        client = Client(self.notebook, self.limits, self.end, run, self.files, self.walled)
        gone = self.lost | self.left_out
        again = [i for i in done if i not in gone and role(self.notebook.cells[i]) not in TESTS]
        try:
            async with client.setup():
                self.started = True
                with _watched(self.limits, run):
                    for index in [*again, *code[len(done) :]]:
                        fresh = index not in again
                        if time.monotonic() > self.end:
                            return
                        if fresh:
                            done.append(index)
                        if not await client.run_cell(index, keep=fresh):
                            self._blame(index, again, done, fresh)
                            return
        except (DeadKernelError, RuntimeError, TimeoutError):
            return  # it did not start, or died while nothing was asked of it: once more

    def _blame(self, index: int, again: list[int], done: list[int], fresh: bool) -> None:
        """Decide which cell took the kernel with it: the one that ran, or one that failed before.

        A cell that failed may have left a Python behind in which nothing works: for instance one
        that starts threads until there are no more. Without it the next kernel comes farther.
        """
        cells = self.notebook.cells
        failed = [
            i for i in {*again, *done[:-1]} if role(cells[i]) not in TESTS and errors_of(cells[i])
        ]
        failed = set(failed) - self.lost - self.left_out
        if fresh and failed:
            self.left_out |= failed
            cells[done.pop()].outputs = []
            return
        self.lost.add(index)
        if fresh:
            self._fail(index, "Stopped", "Python stopped here, or hung")

    def _fail(self, index: int, name: str, text: str) -> None:
        self.notebook.cells[index].outputs.append(error_output(name, text))


class Client(NotebookClient):
    """nbclient, with an ear that is not flooded and a patience that ends."""

    def __init__(
        self,
        notebook: NotebookNode,
        limits: Limits,
        end: float,
        run: Path,
        files: list[Path],
        walled: bool,
    ) -> None:
        manager = sandbox.kernel(run, files, limits, walled)
        if not walled:  # what it writes must not come among what was handed in
            for path in files:
                shutil.copy(path, run)
        super().__init__(
            notebook,
            km=manager,
            resources={"metadata": {"path": str(run)}},
            allow_errors=True,
            interrupt_on_timeout=True,
            error_on_timeout={
                "ename": "TimeoutError",
                "evalue": f"this cell took longer than {limits.cell_seconds} seconds",
                "traceback": [],
            },
            raise_on_iopub_timeout=False,
            iopub_timeout=4,
            startup_timeout=60,
            shutdown_kernel="immediate",
            on_cell_executed=self._on_reply,
        )
        self.limits, self.end = limits, end
        self.heard: dict[int, tuple[int, int]] = {}  # messages and characters, by cell
        self.quits = False

    @contextlib.asynccontextmanager
    async def setup(self) -> "Iterator[None]":
        """Start the kernel, and stop it whatever happens."""
        nowhere = subprocess.DEVNULL  # a student's program has no business on the terminal
        async with self.async_setup_kernel(stdout=nowhere, stderr=nowhere):
            yield

    async def run_cell(self, index: int, keep: bool) -> bool:
        """Run a cell; tell whether the kernel is still there. `keep`: its outputs are wanted."""
        cell = self.nb.cells[index]
        kept = cell.outputs
        self.timeout = max(1, min(self.limits.cell_seconds, int(self.end - time.monotonic())))
        self.heard[index] = (0, 0)
        try:
            await self.async_execute_cell(cell, index)
        except DeadKernelError:
            return False
        finally:
            if keep:
                cell.outputs = tidy(cell.outputs, self.limits.output)
            else:
                cell.outputs = kept
        timed_out = any(error.ename == "TimeoutError" for error in errors_of(cell))
        return not self.quits and not (timed_out and not await self._answers())

    def _on_reply(self, cell: NotebookNode, execute_reply: dict, **others: object) -> None:
        """Write down the error that a cell ended with, if it is not among the outputs.

        That is so after a time-out, and where a student's code keeps errors from being shown.
        """
        reply = execute_reply["content"]
        shown = {error.ename for error in errors_of(cell)}
        if reply["status"] == "error" and reply["ename"] not in shown:
            cell.outputs.append(error_output(reply["ename"], reply["evalue"]))
        self.quits |= any(one.get("source") == "ask_exit" for one in reply.get("payload", []))

    async def _answers(self) -> bool:
        """Tell whether the kernel is ready again after it was interrupted."""
        self.kc.kernel_info()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with contextlib.suppress(Exception):
                reply = await self.kc.get_shell_msg(timeout=1)
                if reply["msg_type"] == "kernel_info_reply":
                    return True
        return False

    def process_message(self, msg: dict, cell: NotebookNode, index: int) -> object:
        """Hear no more of a cell than is kept: a flood must not fill this process's memory."""
        kind, content = msg["msg_type"], msg["content"]
        if kind.startswith("comm"):
            return None  # of widgets, which nobody will see
        if kind in ("stream", "display_data", "execute_result", "update_display_data", "error"):
            msg["content"] = content = self._heard(kind, content, cell, index)
            if content is None:
                return None
            if kind == "update_display_data":  # shown where it is made, not in an earlier cell
                msg["msg_type"] = msg["header"]["msg_type"] = "display_data"
            content.pop("transient", None)
        try:
            return super().process_message(msg, cell, index)
        except CellExecutionComplete:
            raise
        except Exception:  # what a message holds may be anything; it costs the message
            return None

    def _heard(self, kind: str, content: dict, cell: NotebookNode, index: int) -> dict | None:
        """Return what is kept of a message, None if the cell has said enough."""
        messages, length = self.heard.get(index, (0, 0))
        text = content.get("text", "")
        length += sum(len(str(value)) for value in content.values())
        self.heard[index] = (messages + 1, length)
        if kind == "stream":
            printed = sum(len(output.get("text", "")) for output in cell.outputs)
            room = 2 * self.limits.output - printed
            content = {**content, "text": text[: max(0, room)]}
            return content if content["text"] and messages < 20 * OUTPUTS else None
        return content if messages < 20 * OUTPUTS and length < HEARD else None


def errors_of(cell: NotebookNode) -> list[NotebookNode]:
    """Return the errors among a cell's outputs."""
    return [output for output in cell.outputs if output.output_type == "error"]


def tidy(outputs: list[NotebookNode], most: int) -> list[NotebookNode]:
    """Keep what a marker needs of a cell's outputs, in a form that costs nobody points.

    What a cell wrote to stderr, such as a NumPy warning, is kept as if printed: nbgrader would take
    it for a failed test.
    """
    kept = []
    for output in outputs:
        if output.output_type == "stream":
            text = output.text if len(output.text) <= most else f"{output.text[:most]}\n… cut …"
            output = nbformat.v4.new_output("stream", name="stdout", text=text)
        elif output.output_type in ("display_data", "execute_result"):
            data = {kind: value for kind, value in output.data.items() if kind in KEPT}
            if len(str(data)) > 3_000_000:
                data = {"text/plain": "… too large, cut …"}
            output = nbformat.v4.new_output("display_data", data=data)
        elif output.output_type == "error":
            output = error_output(
                str(output.ename)[:200],
                str(output.evalue)[:most],
                [str(line)[:most] for line in output.traceback[-20:]],
            )
        kept.append(output)
    errors = [output for output in kept[OUTPUTS:] if output.output_type == "error"]
    return kept[:OUTPUTS] + errors[:1]


def error_output(name: str, text: str, lines: list[str] | None = None) -> NotebookNode:
    """Return an output that says that a cell failed."""
    lines = lines or [f"{name}: {text}"]
    return nbformat.v4.new_output("error", ename=name, evalue=text, traceback=lines)


# --- Watching ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _watched(limits: Limits, run: Path) -> Iterator[None]:
    """Stop the kernel if it becomes too many, too large, or fills the folder of its sockets.

    The kernel's own limits hold for one process each, and none of them counts for the root user.
    """
    over = threading.Event()

    def watch() -> None:
        me = psutil.Process()
        while not over.wait(0.2):
            with contextlib.suppress(psutil.Error):
                family = me.children(recursive=True)
                sizes = [_size(process) for process in family]
                memory, threads = (sum(column) for column in zip((0, 0), *sizes, strict=True))
                many = len(family) > limits.processes or threads > limits.threads
                if many or memory > limits.memory or _is_full(run):
                    for process in family:
                        with contextlib.suppress(psutil.Error):
                            process.kill()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _size(process: psutil.Process) -> tuple[int, int]:
    """Return memory and threads; nothing of a process that has ended since it was listed."""
    try:
        return process.memory_info().rss, process.num_threads()
    except psutil.Error:
        return 0, 0


def _is_full(run: Path) -> bool:
    """Tell whether a folder holds more than sockets need, or something that cannot be looked at."""
    closed: list[OSError] = []
    number = size = 0
    for top, folders, names in os.walk(run, onerror=closed.append):
        number += len(folders) + len(names)
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(top, name)).st_size
    return bool(closed) or number > FILES or size > 100_000_000
