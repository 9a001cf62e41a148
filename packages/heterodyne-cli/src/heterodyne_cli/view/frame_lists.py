"""Lists of frames as text: ``12, 40-45``."""

from __future__ import annotations

from collections.abc import Iterable

from heterodyne_spec import ConfigError, Problem


def ranges_of(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Return the ranges of consecutive frames, ends included, in order."""
    found: list[list[int]] = []
    for frame in sorted(set(frames)):
        if found and frame == found[-1][1] + 1:
            found[-1][1] = frame
        else:
            found.append([frame, frame])
    return [(first, last) for first, last in found]


def text_of(frames: Iterable[int]) -> str:
    """Return frames as text, ranges of consecutive ones joined."""
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges_of(frames))


def frames_of(text: str, n_t: int) -> list[int]:
    """Return the frames of a text such as ``12, 40-45``, from 1 to `n_t`, in order.

    Raises
    ------
    ConfigError : if it is no such list.
    """
    found: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        ends = [end.strip() for end in part.split("-")]
        # Digits of ASCII, at most nine of them: no number that takes long to count to.
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) < 10 for end in ends):
            raise _refused(
                part, "a frame or a range", "write numbers and ranges separated by commas, such as 12, 40-45"
            )
        first, last = int(ends[0]), int(ends[-1])
        if not 1 <= first <= last <= n_t:
            raise _refused(part, f"frames from 1 to {n_t}, the smaller one first", "correct the range")
        found.update(range(first, last + 1))
    return sorted(found)


def _refused(found: str, expected: str, remedy: str) -> ConfigError:
    return ConfigError("this form", [Problem("data.mask_frames", repr(found), expected, remedy)])
