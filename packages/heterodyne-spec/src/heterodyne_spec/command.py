"""The command ``heterodyne-spec``: the contract for people and programs that do not use Python.

Exit codes: 0 done, 1 error or problems found, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from importlib import resources
from pathlib import Path

from heterodyne_spec._version import __version__
from heterodyne_spec.canonical import canonical_json
from heterodyne_spec.conformance import load_vectors, report
from heterodyne_spec.files import write_text
from heterodyne_spec.model import DEFAULT, load_model
from heterodyne_spec.models import model_names
from heterodyne_spec.tables import as_markdown, as_text
from heterodyne_spec.terminal import Parser, ready_streams, run_command
from heterodyne_spec.validation import KINDS, validate
from heterodyne_spec.yamlio import dump_yaml, read_document

PROGRAM = "heterodyne-spec"


def show(args: argparse.Namespace) -> int:
    """Print a model as tables."""
    print(as_text(load_model(args.model)), end="")
    return 0


def export(args: argparse.Namespace) -> int:
    """Write a model as JSON, YAML or Markdown."""
    spec = load_model(args.model)
    match args.format:
        case "json":
            text = canonical_json(spec.document)
        case "yaml":
            text = dump_yaml(spec.document)
        case _:
            text = as_markdown(spec)
    return _emit(text, args.output)


def check_file(args: argparse.Namespace) -> int:
    """Print what a file is, or every problem of it on a line of its own."""
    verdict = validate(args.file, args.kind)
    for problem in verdict.problems:
        print(f"{args.file}: {problem.sentence}")
    if verdict.problems:
        count = len(verdict.problems)
        print(f"{args.file}: {count} problem{'s' if count > 1 else ''}, no valid {verdict.title}")
        return 1
    print(f"{args.file}: valid {verdict.title}")
    for fact in verdict.facts:
        print(f"  {fact}")
    return 0


def vectors(args: argparse.Namespace) -> int:
    """Write the conformance vectors, or check results against them."""
    wanted = load_vectors(args.model)
    if args.check is None:
        file = resources.files("heterodyne_spec").joinpath("vectors", f"{args.model}.json")
        return _emit(file.read_text(encoding="utf-8"), args.output)
    outcome = report(read_document(args.check), wanted)
    _emit(f"{outcome}\n", args.output)
    return 0 if outcome.passed else 1


def _emit(text: str, output: Path | None) -> int:
    if output is None:
        print(text, end="")
    else:
        print(f"written: {write_text(output, text)}", file=sys.stderr)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    common = Parser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    model = Parser(add_help=False)
    model.add_argument("--model", default=DEFAULT, metavar="NAME", help=f"one of: {', '.join(model_names())}")
    output = Parser(add_help=False)
    output.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to FILE instead of the terminal")

    parser = Parser(prog=PROGRAM, description="The heterodyne XPCS model: show it, export it, check files against it.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    one = commands.add_parser("show", parents=[common, model], help="print parameters, functions and conventions")
    one.set_defaults(run=show)
    one = commands.add_parser("export", parents=[common, model, output], help="write the model for other programs")
    one.add_argument("--format", choices=("json", "yaml", "markdown"), default="json", help="json is what is hashed")
    one.set_defaults(run=export)
    one = commands.add_parser("validate", parents=[common], help="check a file and list all its problems")
    one.add_argument("file", type=Path, metavar="FILE", help="configuration, model, result, or file of maps")
    one.add_argument("--kind", choices=KINDS, help="what FILE is; seen from the file when left out")
    one.set_defaults(run=check_file)
    one = commands.add_parser("vectors", parents=[common, model, output], help="write or check conformance vectors")
    one.add_argument("--check", type=Path, metavar="RESULTS", help="JSON with the c2 of another implementation")
    one.set_defaults(run=vectors)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    argv : arguments after the program's name; those of the process when None.
    """
    ready_streams()
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    return run_command(lambda: int(args.run(args)), args.debug)


if __name__ == "__main__":
    sys.exit(main())
