"""How the programs of this folder keep what came out, and how one tells them what to run."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from rnnlib.files import write_whole


def as_text(results: dict) -> str:
    """JSON in which one setting, or one training, has a line: what changes, a diff can show."""
    parts = []
    for name, value in results.items():
        if isinstance(value, dict):
            # As JSON writes a dict of one: its key becomes a string, whatever it was.
            lines, brackets = [_line({key: held})[1:-1] for key, held in value.items()], "{}"
        elif isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
            lines, brackets = [_line(entry) for entry in value], "[]"
        else:
            parts.append(f"{_line(name)}: {_line(value)}")
            continue
        body = ",\n  ".join(lines)
        parts.append(f"{_line(name)}: {brackets[0]}\n  {body}\n {brackets[1]}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def write_results(path: Path, results: dict) -> None:
    """Write results as JSON, whole or not at all."""
    write_whole(path, lambda file: file.write(as_text(results).encode()))


def run_parts(parts: dict[str, tuple[Callable[[dict], None], dict]], names: list[str]) -> int:
    """Run the parts of a program that are named, or all of them.

    Arguments
        parts  for each name, what to call and its settings
        names  from the command line

    Returns
        code  0; or 2, with a message, if a name is unknown
    """
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(f"expected some of {list(parts)}, got {unknown}", file=sys.stderr)
        return 2
    for name in names or parts:
        part, settings = parts[name]
        part(settings)
    return 0
