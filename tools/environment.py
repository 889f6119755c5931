"""Make the environment `.venv` and keep it current: environment.py NAME

NAME is one of the lists below: book, coursework, test, lab, bench.

Runs on the system's Python with the standard library alone. The syntax stays within Python 3.6,
so that an old interpreter gets as far as the message that says what to install.
"""

import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
OTHERS = ("python3.13", "python3.12", "python3.11", "python3.14")
LISTS = {
    "book": ["requirements.txt"],
    "coursework": ["requirements.txt", "requirements-coursework.txt"],
    "test": ["requirements.txt", "requirements-coursework.txt", "requirements-test.txt"],
    "lab": ["requirements.txt", "requirements-lab.txt"],
    "bench": ["requirements.txt", "requirements-bench.txt"],
}
# Parts of constraints.txt, besides those of the book and its own, from which a list takes packages.
SHARED = {"coursework": ("lab",), "test": ("coursework", "lab")}


class Trouble(Exception):
    """Something that the person at the keyboard can mend; the text says how."""


# --- Which Python ------------------------------------------------------------------------------


def version_message(found, others=()):
    """Say that Python is too old, naming what was found; empty if the version will do."""
    if tuple(found[:2]) >= OLDEST:
        return ""
    need = ".".join(map(str, OLDEST))
    have = ".".join(map(str, found[:3]))
    text = f"This course needs Python {need} or newer; the Python that make found is {have}.\n"
    if others:
        return text + f"There is a newer one on this machine. Try:  make PYTHON={others[0]} book"
    return text + (
        "Install a newer one (for instance from python.org, or your system's package manager),\n"
        "then say where it is:  make PYTHON=/path/to/python3 book"
    )


def newer_pythons():
    """Return the names of interpreters on the PATH that are new enough and start."""
    code = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    return [name for name in OTHERS if shutil.which(name) and _runs([name, "-c", code])]


def missing_modules(modules=("venv", "ensurepip")):
    """Say what to install if this Python cannot make environments (Debian splits it off)."""
    code = "import " + ", ".join(modules)
    if _runs([sys.executable, "-c", code]):
        return ""
    short = ".".join(map(str, sys.version_info[:2]))
    return (
        "This Python cannot make a virtual environment: its module venv or ensurepip is missing.\n"
        f"On Debian or Ubuntu:  sudo apt-get install python{short}-venv\n"
        "Elsewhere, install Python from python.org. Then run the same command again."
    )


def _runs(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError:  # the file is not a program, or is gone
        return False
    return done.returncode == 0


# --- The environment's state ---------------------------------------------------------------------


class Environment:
    """The folder `.venv`: what it was made from, and whether it was finished."""

    def __init__(self, root=ROOT):
        self.root = root
        self.folder = root / ".venv"
        windows = os.name == "nt"
        self.python = self.folder / ("Scripts/python.exe" if windows else "bin/python")
        self.stamp = self.folder / "course-environment.json"
        self.unfinished = self.folder / "course-unfinished"

    def fingerprint(self, name):
        """Return a hash of everything that decides what the environment must contain."""
        digest = hashlib.sha256()
        for path in [*LISTS[name], "constraints.txt"]:
            digest.update((self.root / path).read_bytes())
        digest.update(_packaging(self.root / "pyproject.toml").encode())
        return digest.hexdigest()

    def is_current(self, name):
        """Tell whether a finished environment holds what the list `name` asks for."""
        if self.unfinished.exists() or not self.python.exists():
            return False
        return not self.has_moved() and self.stamps().get(name) == self.fingerprint(name)

    def has_moved(self):
        """Tell whether the repository was moved since: an environment cannot move along."""
        return self.stamps().get("root", str(self.root)) != str(self.root)

    def packages(self):
        """Return the names in the environment's folder of packages."""
        folders = [self.folder / "Lib" / "site-packages"]  # Windows
        folders += self.folder.glob("lib/python*/site-packages")
        return [name for folder in folders if folder.is_dir() for name in os.listdir(str(folder))]

    def stamps(self):
        try:
            return json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def finish(self, name):
        """Write down what was installed; only from now on is the environment trusted."""
        stamps = {**self.stamps(), "root": str(self.root)}
        inside = [part for part in LISTS if set(LISTS[part]) <= set(LISTS[name])]
        stamps.update({part: self.fingerprint(part) for part in inside})
        self.stamp.write_text(json.dumps(stamps, indent=1), encoding="utf-8")
        self.unfinished.unlink()


def _packaging(path):
    """Return the parts of pyproject.toml that matter to pip (not those of ruff and pytest)."""
    import tomllib

    table = tomllib.loads(path.read_text(encoding="utf-8"))
    parts = [table.get("build-system"), table.get("project"), table["tool"].get("setuptools")]
    return json.dumps(parts, sort_keys=True)


def _is_usable(env):
    """Tell whether the folder is an environment whose Python starts and is new enough."""
    code = f"import sys, pip; sys.exit(sys.version_info < {OLDEST!r})"
    return env.python.exists() and _runs([str(env.python), "-c", code])


def _other_run(env):
    """Return the process id of another run that is busy with this environment, or 0."""
    try:
        process = int(env.unfinished.read_text(encoding="utf-8"))
        if os.name == "nt" or process == os.getpid():  # on Windows, kill(id, 0) would kill
            return 0
        os.kill(process, 0)
    except (OSError, ValueError):
        return 0
    return process


# --- Making it -----------------------------------------------------------------------------------


def prepare(env):
    """Leave a folder `.venv` with a working pip, marked as unfinished."""
    busy = _other_run(env)
    if busy:
        raise Trouble(f"Another run (process {busy}) is setting up .venv. Wait for it, then retry.")
    dead = env.unfinished.exists() or env.has_moved() or not _is_usable(env)
    if env.folder.exists() and dead:
        print("The environment .venv was left unfinished or no longer works: making it anew.")
        shutil.rmtree(str(env.folder))
    if not env.folder.exists():
        _create(env)
    env.unfinished.write_text(str(os.getpid()), encoding="utf-8")


def _create(env):
    trouble = missing_modules()
    if trouble:
        raise Trouble(trouble)
    print(f"Making the environment .venv with Python {sys.version.split()[0]} ...", flush=True)
    env.folder.mkdir()
    env.unfinished.write_text(str(os.getpid()), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(env.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    if done.returncode:
        shutil.rmtree(str(env.folder), ignore_errors=True)
        raise Trouble(f"Making .venv failed:\n{done.stdout}\n{missing_modules()}".rstrip())


def install(env, name):
    """Run pip for the list `name`, with a progress bar."""
    from progress import Progress

    command = [str(env.python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "-r", LISTS[name][-1]]
    total = expected_packages(env.root, name)
    tail = []
    with Progress("Installing packages (a minute or two, once)", 2 * total) as bar:
        count = Count()
        pip = subprocess.Popen(
            command,
            cwd=str(env.root),
            env=_clean_variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            errors="replace",
        )
        try:
            for line in _lines_or_ticks(pip.stdout):
                if line:
                    tail = [*tail, line.rstrip()][-15:]
                    count.read(line)
                bar.show(count.done(env, total), count.note)
        except BaseException:
            pip.kill()
            raise
        if pip.wait():
            bar.clear()
            raise Trouble(_pip_failed(tail))


def expected_packages(root, name):
    """Return how many packages the list should install: its pins plus what they bring along."""
    pins = sum(_pins((root / path).read_text(encoding="utf-8")) for path in LISTS[name])
    sections = re.split(r"^# (\w+): .*$", (root / "constraints.txt").read_text("utf-8"), flags=re.M)
    brought = dict(zip(sections[1::2], sections[2::2]))  # noqa: B905 (Python 3.6)
    parts = {"book", name, *SHARED.get(name, ())}
    return pins + sum(_pins(brought.get(part, "")) for part in parts)


def _pins(text):
    return len(re.findall(r"^[\w.-]+==", text, flags=re.MULTILINE))


class Count:
    """How far pip has come, read from its own lines."""

    def __init__(self):
        self.seen = set()
        self.installing = False
        self.note = "asking for the list of packages"

    def read(self, line):
        match = re.match(r"\s*(Collecting|Requirement already satisfied:)\s+([\w.-]+)", line)
        if match:
            self.seen.add(match.group(2).lower())
            self.note = match.group(2)
        elif line.startswith("Installing collected packages"):
            self.installing = True
            self.note = "unpacking"

    def done(self, env, total):
        """Return the number of steps done: one per package found, one per package unpacked."""
        if not self.installing:
            return min(len(self.seen), total)
        unpacked = [path for path in env.packages() if path.endswith(".dist-info")]
        return total + min(len(unpacked), total)


def _lines_or_ticks(stream):
    """Yield the lines of a stream, and None four times a second while none comes."""
    lines = queue.Queue()

    def read():
        for line in stream:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=0.25)
        except queue.Empty:
            yield None
            continue
        if line == "":
            return
        yield line


def _clean_variables():
    """Return the environment variables without those that would lead pip out of `.venv`."""
    lost = {
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_REQUIRE_HASHES",
    }
    kept = {key: value for key, value in os.environ.items() if key not in lost}
    return {**kept, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}


def _pip_failed(tail):
    said = "\n".join("    " + line for line in tail)
    return (
        f"pip could not install the packages. Its last lines:\n\n{said}\n\n"
        "What to try:\n"
        "  - no network, or a proxy? pip must reach a package index; then run the command again\n"
        "  - disk full? the environment needs about 600 MB\n"
        "  - 'no matching distribution'? Python 3.11, 3.12 and 3.13 are known to work\n"
        "The next run starts the environment anew."
    )


def ensure(name, root=ROOT):
    """Bring `.venv` to the state that the list `name` asks for; at once if it is there already."""
    env = Environment(root)
    if env.is_current(name):
        return
    prepare(env)
    install(env, name)
    env.finish(name)
    print("The environment .venv is ready.", flush=True)


def main(arguments):
    name = arguments[0] if arguments else "book"
    if name not in LISTS:
        print(f"Unknown list {name!r}: choose one of {', '.join(LISTS)}.")
        return 2
    if sys.version_info < OLDEST:
        others = newer_pythons()
        if not others:
            print(version_message(sys.version_info))
            return 1
        print(f"Python {sys.version.split()[0]} is too old for this course: using {others[0]}.")
        sys.stdout.flush()
        return subprocess.call([others[0], str(Path(__file__).resolve()), *arguments])
    from progress import speak_unicode

    speak_unicode()
    try:
        ensure(name)
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next run starts the environment anew.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
