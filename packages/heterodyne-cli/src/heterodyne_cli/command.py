"""The command ``heterodyne``: a fit without a subcommand, and the subcommands."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from heterodyne_cli._version import __version__
from heterodyne_cli.commands import SUBCOMMANDS
from heterodyne_cli.subcommand import Subcommand
from heterodyne_nlsq import fit_command
from heterodyne_report import Console, add_console_arguments, add_fit_arguments
from heterodyne_spec import MEASUREMENTS, CommandParser, MissingPackageError, did_you_mean, prepare_streams

EXAMPLES = (
    "heterodyne --data measurement.h5 --q 0.0054",
    "heterodyne --config config.yaml --data measurement.h5 --method nlsq --output results",
    "heterodyne --config config.yaml --data measurement.h5 --method cmc --nlsq-result results",
    "heterodyne inspect measurement.h5",
)


def _posterior(args: argparse.Namespace, command: Sequence[str], console: Console) -> int:
    if importlib.util.find_spec("heterodyne_cmc") is None:
        raise MissingPackageError(
            "--method cmc requires heterodyne-cmc; install it with: pip install 'heterodyne-cli[cmc]'"
        )
    if args.joint and not args.preview_job:
        from heterodyne_cli.joint_posterior import joint_posterior_command

        return joint_posterior_command(args, command, console)
    from heterodyne_cli.posterior import posterior_command

    return posterior_command(args, command, console)


METHODS: Mapping[str, Callable[[argparse.Namespace, Sequence[str], Console], int]] = {
    "nlsq": fit_command,
    "cmc": _posterior,
}


def parser() -> CommandParser:
    """Return the parser of ``heterodyne`` with all its subcommands."""
    result = CommandParser(
        prog="heterodyne",
        description="Fit the heterodyne XPCS model to two-time correlation maps; see the subcommands for other tasks.",
        examples=EXAMPLES,
    )
    result.add_argument("--version", action="version", version=f"heterodyne-cli {__version__}")
    result.add_argument(
        "--method", choices=tuple(METHODS), default="nlsq", help="point estimate (nlsq) or posterior (cmc)"
    )
    result.add_argument(
        "--nlsq-result",
        type=Path,
        metavar="PATH",
        help="existing point estimate as the start of --method cmc",
    )
    result.add_argument(
        "--preview-job",
        action="store_true",
        help="print the job script for --method cmc (Slurm or PBS, see cmc.dask) without starting it",
    )
    add_fit_arguments(result)
    # Used by the shell completion.
    result.set_defaults(whole=result)
    places = result.add_subparsers(title="subcommands", metavar="", dest="subcommand", parser_class=CommandParser)
    for one in SUBCOMMANDS:
        _add(places, one)
    return result


def _add(places: argparse._SubParsersAction[CommandParser], one: Subcommand) -> None:
    said = one.summary[0].upper() + one.summary[1:] + "."
    place = places.add_parser(one.name, help=one.summary, description=said, examples=one.examples)
    one.add_arguments(place)
    add_console_arguments(place)
    place.set_defaults(run=one.run, place=place)


def _no_subcommand(word: str, names: Sequence[str]) -> str:
    """Return the error for a first word that is neither an option nor a subcommand; often it is a measurement."""
    if Path(word).exists() or Path(word).suffix.lower() in MEASUREMENTS:
        quoted = shlex.quote(word)
        return (
            f"expected a subcommand, found the file {word}; to inspect it: heterodyne inspect {quoted}; to fit it: "
            f"heterodyne --data {quoted}"
        )
    return f"unknown subcommand {word}; {did_you_mean(word, names)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``heterodyne`` and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    prepare_streams()
    whole = parser()
    names = [one.name for one in SUBCOMMANDS]
    # Otherwise its value would be reported as an unknown subcommand.
    whole.check_options(takewhile(lambda word: word not in names, argv))
    if argv and argv[0] not in names and not argv[0].startswith("-"):
        whole.error(_no_subcommand(argv[0], names))
    args, unknown = whole.parse_known_args(argv)
    place: CommandParser = getattr(args, "place", whole)
    place.check_options(unknown)
    if mistaken := next((str(path) for path in args.data or () if str(path) in names), None):
        whole.error(f"--data precedes {mistaken}: put options after the subcommand")
    if unknown:
        place.error(f"unrecognized arguments: {shlex.join(unknown)}")
    console, command = Console.of(args), ["heterodyne", *argv]
    if args.subcommand is not None:
        if argv[0] != args.subcommand:
            whole.error(f"{argv[0]} precedes {args.subcommand}: put options after the subcommand")
        return console.run(lambda: int(args.run(args, console, command)))
    if args.preview_job and args.method != "cmc":
        whole.error("--preview-job requires --method cmc: a point estimate does not use jobs")
    return console.run(lambda: METHODS[args.method](args, command, console))


if __name__ == "__main__":
    sys.exit(main())
