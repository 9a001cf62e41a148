"""Free memory: what the system says, and the limits of a job."""

from __future__ import annotations

from pathlib import Path

from heterodyne_data import memory


def test_the_smallest_of_all_that_limit_counts(monkeypatch, tmp_path):
    # The file cache, most of the memory of a machine that has read much, can be had as well.
    (tmp_path / "meminfo").write_text("MemTotal: 16000 kB\nMemFree: 10 kB\nMemAvailable:    8000 kB\n")
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    files = {"/proc/meminfo": tmp_path / "meminfo"}
    monkeypatch.setattr(memory, "Path", lambda name: files.get(name, Path(name)))
    monkeypatch.setattr(memory, "_LIMITS", ((limit, used),))
    assert memory.free_memory() == 8000 * 1024
    limit.write_text("max\n")
    used.write_text("1000\n")
    assert memory.free_memory() == 8000 * 1024
    limit.write_text("5000\n")
    assert memory.free_memory() == 4000
    used.write_text("6000\n")
    assert memory.free_memory() == 0
    # What others use does not count where a job that goes on has to find the same again.
    assert memory.whole_memory() == 5000
    limit.write_text("max\n")
    assert memory.whole_memory() == 16000 * 1024
