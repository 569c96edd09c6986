"""A supervisor with two children, each with a child of its own: run as a program by test_supervisor."""

import json
import os
import sys
from pathlib import Path

from portal.devserver.supervisor import ChildProcess, Stopped, Supervisor, print_line

_PARENT = (
    "import subprocess, sys, signal, time;"
    "grandchild = subprocess.Popen(['sleep', '600']);"
    "print('ready', grandchild.pid, flush=True);"
    "{before};"
    "time.sleep(600)"
)
_DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
_SLOW = "signal.signal(signal.SIGTERM, lambda *_: (print('told', flush=True), time.sleep(.3), sys.exit()))"


def main(out: Path) -> None:
    """Write the pids of children and grandchildren to `out` at every change; a file `deaf` beside it hardens them."""
    before = _DEAF if (out.parent / "deaf").exists() else _SLOW
    program = [sys.executable, "-c", _PARENT.format(before=before)]
    children = [
        ChildProcess("one", program, os.environ, ready="ready", outlives=True),
        ChildProcess("two", program, os.environ, ready="ready"),
    ]

    def note(pids: dict[str, int]) -> None:
        out.with_suffix(".new").write_text(json.dumps(pids))
        out.with_suffix(".new").replace(out)

    try:
        with Supervisor(print_line, note) as supervisor:
            for child in children:
                supervisor.start(child)
            supervisor.wait_ready(*children)
            print_line("family", "is up")
            supervisor.forever()
    except Stopped:
        print_line("family", "is down")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
