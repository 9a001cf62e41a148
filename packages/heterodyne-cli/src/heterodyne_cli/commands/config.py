"""``heterodyne config``: writes a commented configuration, or translates that of another program."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from heterodyne_cli.subcommand import Subcommand
from heterodyne_report import Console
from heterodyne_spec import DONE, ConfigError, OutputError, Problem, config_template, write_text

_IMPORT = "import"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="*",
        metavar="[import] FILE",
        help="new configuration file (default: print it); or, after the word import: a configuration of the programs "
        "heterodyne, homodyne or xpcsjax to translate. Translated settings, differences in meaning and omitted "
        "settings are listed",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="file for the translated configuration (default: print it, with the lists on stderr)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def _run(args: argparse.Namespace, console: Console, command: Sequence[str]) -> int:
    match args.file:
        case [word, source] if word == _IMPORT:
            return _import(Path(source), args.output, args.force, console)
        case [] | [_] if args.file != [_IMPORT]:
            return _write(config_template(), Path(args.file[0]) if args.file else args.output, args.force, console)
    found, wanted = " ".join(args.file), "one FILE to write, or import FILE"
    raise ConfigError("command line", [Problem("heterodyne config", found, wanted, "see heterodyne config --help")])


def _write(text: str, path: Path | None, force: bool, console: Console) -> int:
    if path is None:
        print(text, end="")
        return DONE
    _check_free(path, force)
    write_text(path, text)
    console.say(f"written: {path}")
    console.tell("written", files=[path])
    return DONE


def _import(source: Path, path: Path | None, force: bool, console: Console) -> int:
    # Imported here because it takes a second and is rarely used.
    from heterodyne_cli.migration import config_text, import_config, report_text

    if path is not None:
        _check_free(path, force)
    imported = import_config(source)
    report = report_text(imported, source.name)
    if path is None and not console.quiet:
        print(report, file=sys.stderr)
    else:
        console.say(report)
    console.tell("imported", program=imported.program, report=report)
    return _write(config_text(imported, source.name), path, force, console)


def _check_free(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise OutputError(f"{path}: already exists; choose another name, or --force to overwrite it")


COMMAND = Subcommand(
    "config",
    "write a commented configuration with all defaults, or translate the configuration of another program",
    ("heterodyne config config.yaml", "heterodyne config | less", "heterodyne config import old.yaml -o config.yaml"),
    _arguments,
    _run,
)
