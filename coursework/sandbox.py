"""The kernel that runs a submission: shut off from the network, the files and the other processes.

Bubblewrap gives the kernel a file system of its own in which nothing is but Python, the packages
of the environment, `rnnlib`, and the files that the student handed in, all of them read-only. Its
only ways out are the sockets in one folder, over which it is asked to run cells.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from coursework.terms import Trouble

ROOT = Path(__file__).resolve().parent.parent
INSIDE = "/submission"  # where a submission's files are, seen from inside

# Runs inside, before anything of the student's (`python -P`: their files are not on the path yet;
# IPython puts them there, behind Python's own): limits that cannot be lifted again, and the list of
# fonts, without which matplotlib looks through all of them for a second.
START = """
import os, resource, shutil, sys
def limit(what, most):
    resource.setrlimit(what, (most, most))
limit(resource.RLIMIT_AS, {memory})
limit(resource.RLIMIT_FSIZE, 20_000_000)
limit(resource.RLIMIT_CPU, {seconds})
limit(resource.RLIMIT_NOFILE, 256)
limit(resource.RLIMIT_CORE, 0)
limit(resource.RLIMIT_NPROC, 128)
if os.path.isdir("/fonts"):
    shutil.copytree("/fonts", os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
from ipykernel.kernelapp import launch_new_instance
sys.argv = ["kernel", "-f", sys.argv[1], "--HistoryManager.enabled=False"]
launch_new_instance()
"""
# No limits and no walls, where the instructor said so.
START_OPEN = """
import sys
from ipykernel.kernelapp import launch_new_instance
sys.argv = ["kernel", "-f", sys.argv[1], "--HistoryManager.enabled=False"]
launch_new_instance()
"""

NO_SANDBOX = """\
There is no sandbox on this machine: bubblewrap (the program bwrap) {reason}.
A submission is a program of a stranger. Without a sandbox it can read and change whatever you can,
the gradebook and the hidden tests among it. {remedy}
To grade without one all the same, on a machine that holds nothing of value:
  make grade {asked} SANDBOX=none"""
NOT_INSTALLED = "is not installed"
FORBIDDEN = (
    "The system forbids it, as Ubuntu 24.04 does at first: the page *Teaching with this book* has "
    "the three commands that allow it."
)
REMEDIES = {
    NOT_INSTALLED: "On Debian or Ubuntu:  sudo apt-get install bubblewrap",
    "--size": "Bubblewrap 0.7 or newer is needed, as Debian 12 and Ubuntu 24.04 have it.",
    "Permission denied": FORBIDDEN,
    "not permitted": FORBIDDEN,
}


@dataclass(frozen=True)
class Limits:
    """What a submission may use."""

    cell_seconds: int = 20
    seconds: int = 180  # for the whole notebook
    memory: int = 4_000_000_000  # bytes of address space of each process
    processes: int = 64
    threads: int = 250  # of all processes together
    output: int = 20_000  # characters of a cell's output that are kept


@cache
def fault() -> str:
    """Say why there is no sandbox here; empty if there is one."""
    if shutil.which("bwrap") is None:
        return NOT_INSTALLED
    probe = [*_walls(Path("/tmp"), []), "/usr/bin/env", "true"]
    done = subprocess.run(probe, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return f"does not start ({said[-1]})"
    return ""


def must_have(asked: str) -> None:
    """Refuse to grade where there is no sandbox."""
    if reason := fault():
        remedy = next((text for sign, text in REMEDIES.items() if sign in reason), "")
        raise Trouble(NO_SANDBOX.format(reason=reason, asked=asked, remedy=remedy).rstrip())


def _walls(run: Path, files: list[Path]) -> list[str]:
    """Return the start of a command: what the inside consists of."""
    walls = ["bwrap", "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session"]
    walls += ["--clearenv", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    walls += ["--hostname", "grader", "--ro-bind", "/usr", "/usr"]
    for name in ("lib", "lib32", "lib64", "libx32", "bin", "sbin"):
        path = Path("/", name)
        if path.is_symlink():
            walls += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            walls += ["--ro-bind", str(path), str(path)]
    walls += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc"]
    walls += ["--dev", "/dev"]
    for folder in ("/dev/shm", "/tmp", INSIDE):
        walls += ["--size", "50000000", "--tmpfs", folder]
    for folder in dict.fromkeys((sys.base_prefix, sys.prefix)):
        if not Path(folder).is_relative_to("/usr"):
            walls += ["--ro-bind", folder, folder]
    library = ROOT / "rnnlib"
    walls += ["--ro-bind", str(library), str(library)]
    if fonts := _fonts():
        walls += ["--ro-bind", fonts, "/fonts"]
    for path in files:
        walls += ["--ro-bind", str(path), f"{INSIDE}/{path.name}"]
    if run != Path("/tmp"):
        walls += ["--bind", str(run), str(run)]
    walls += ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", INSIDE]
    for name, value in _environment().items():
        walls += ["--setenv", name, value]
    return walls


def _environment() -> dict[str, str]:
    return {
        "HOME": "/tmp",
        "PATH": f"{sys.prefix}/bin:/usr/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),  # rnnlib; nothing else of the repository is there
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "NBGRADER_EXECUTION": "autograde",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _open_environment() -> dict[str, str]:
    """Return what a kernel without walls is told: the same, but for places of this machine."""
    places = ("HOME", "PATH", "LANG", "MPLCONFIGDIR")
    return {name: value for name, value in _environment().items() if name not in places}


@cache
def _fonts() -> str:
    """Return the folder of matplotlib's list of fonts; it is made if this machine has none."""
    import matplotlib
    import matplotlib.font_manager

    folder = Path(matplotlib.get_cachedir())
    return str(folder) if any(folder.glob("fontlist*.json")) else ""


class Kernel(AsyncKernelManager):
    """A kernel for one submission; `limits` and `files` are set before it starts."""

    limits = Limits()
    files: list[Path] = []  # noqa: RUF012  (traitlets takes instances' own)
    walled = True
    run = Path()

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started."""
        if self.walled:
            start = START.format(memory=self.limits.memory, seconds=self.limits.seconds)
            python = f"{sys.prefix}/bin/python"
            command = [*_walls(self.run, self.files), python, "-P", "-c", start]
        else:
            command = [sys.executable, "-P", "-c", START_OPEN]
        return KernelSpec(
            argv=[*command, "{connection_file}"],
            display_name="Python 3",
            language="python",
            interrupt_mode="message",
            env={} if self.walled else _open_environment(),
        )


def kernel(run: Path, files: list[Path], limits: Limits, walled: bool) -> Kernel:
    """Return a kernel that speaks over sockets in the folder `run`, not yet started."""
    manager = Kernel(transport="ipc", ip=str(run / "s"))
    manager.connection_file = str(run / "kernel.json")
    manager.run, manager.files, manager.limits, manager.walled = run, files, limits, walled
    return manager


def private_folder() -> tempfile.TemporaryDirectory:
    """Return a new folder with a short name: the names of sockets may have 107 characters."""
    return tempfile.TemporaryDirectory(prefix="k", dir="/tmp", ignore_cleanup_errors=True)
