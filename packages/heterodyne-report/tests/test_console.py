"""What a command shows while it works: for people on a terminal or in a log, for machines as events."""

import fcntl
import io
import json
import os
import struct
import subprocess
import sys
import termios
import time

import pytest

from heterodyne_report import console
from heterodyne_report.console import Console, StatusLine, time_left


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and none whose width is known."""

    def isatty(self):
        return True

    def shown(self):
        """Return the lines that were written over one another."""
        return self.getvalue().split("\r\033[K")


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(console, "StatusLine", lambda _, pause: StatusLine(stream, pause))
    monkeypatch.setattr(console, "_BEAT", 0.01)
    return stream


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_line_that_counts_time_goes_on_by_itself_until_something_else_is_shown(terminal):
    texts = iter(f"compiling: {k} s" for k in range(1_000_000))
    with Console().progress() as shown:
        shown.keep(lambda: next(texts))
        assert terminal.shown()[:2] == ["", "compiling: 0 s"]
        wait_for(lambda: "compiling: 3 s" in terminal.shown())
        shown.show("done")
        said = len(terminal.shown())
        time.sleep(0.05)
        assert len(terminal.shown()) == said
    assert terminal.shown()[-2:] == ["done", ""]
    time.sleep(0.05)
    assert len(terminal.shown()) == said + 1


def test_a_line_that_is_printed_meanwhile_stands_alone(terminal, capsys):
    asked = Console()
    with asked.progress() as shown:
        shown.show("fitting")
        asked.say("a note")
        assert terminal.shown() == ["", "fitting", ""]
    assert capsys.readouterr().out == "a note\n"


def test_machines_are_told_of_every_stage_and_not_of_its_seconds(capsys):
    asked = Console(machine=True)
    with asked.progress() as shown:
        for stage in ("reading", "compiling", "fit 1 of 2"):
            shown.keep(lambda stage=stage: f"{stage}: 0 s", at_once=True, stage=stage)
        shown.keep(lambda: "fit 1 of 2: iteration 1", stage="fit 1 of 2")  # half a second has not passed
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["stage"] for event in events] == ["reading", "compiling", "fit 1 of 2"]
    assert events[0] == {"event": "progress", "text": "reading: 0 s", "stage": "reading"}


def test_a_stage_of_a_command_is_shown_at_once(terminal):
    with Console().stage("reading a.h5"):
        # More than once where the machine is so busy that the next beat comes meanwhile.
        assert set(terminal.shown()[1:]) == {"reading a.h5: 0 s"}
    with Console(quiet=True).stage("reading b.h5"):
        assert "b.h5" not in terminal.getvalue()


def test_a_line_is_cut_at_the_width_of_the_terminal():
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
    with os.fdopen(theirs, "w") as stream:
        StatusLine(stream).show("a line that is longer than the terminal is wide")
        assert os.read(ours, 1000) == b"\r\033[Ka line that is long"
    os.close(ours)


def test_time_left_in_words():
    assert [time_left(s) for s in (None, 8, 200, 4000)] == [
        "remaining time not known yet",
        "about 8 s left",
        "about 3 min 20 s left",
        "about 1 h 06 min left",
    ]


SPEAK = """
import sys
from heterodyne_report.console import Console
from heterodyne_spec import prepare_streams

def run():
    file = open(sys.argv[1], "w")
    with console.progress(0.0) as shown:
        for k in range(3):
            console.say(f"line {k}")
            shown.show("going on")
    print("file", file=file)
    return 0

prepare_streams()
console = Console()
sys.exit(console.run(run))
"""


@pytest.mark.parametrize(
    ("shell", "code", "lines"),
    [
        ('"$0" "$@" | head -1', 0, 0),
        ('"$0" "$@" | true', 0, 0),
        ('"$0" "$@" >&-', 0, 0),
        ('"$0" "$@" >&- 2>&-', 0, 0),
        ('"$0" "$@" <&- >&- 2>&-', 0, 0),
        ('"$0" "$@" > /dev/full', 1, 1),
        ('"$0" "$@" 2> /dev/full', 0, 0),
    ],
)
def test_work_goes_on_where_nobody_listens(shell, code, lines, tmp_path):
    path = tmp_path / "file"
    command = ["bash", "-c", f"set -o pipefail; {shell}", sys.executable, "-c", SPEAK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if line != "going on"]
    assert (done.returncode, len(said)) == (code, lines), done.stderr
    # No stream's number went to the file.
    assert path.read_text() == "file\n"
