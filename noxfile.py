"""Every check of the project. ``nox -l`` lists the sessions; what follows ``--`` is passed to the tool.

All sessions install the exact versions of constraints.txt. Sessions outside the default list are the long ones
(bench, coverage, fuzz, constraints), run by hand.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv|venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests", "integration", "snippets", "docs", "compat"]

# uv installs no bytecode: without this, every process that a test starts would compile what it imports, for seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"


@dataclass(frozen=True)
class Package:
    """A distribution: where it is, which other packages of the project it needs, extras in brackets.

    `shared` are folders of tests that it runs beside its own, and shares with others.
    """

    folder: str
    needs: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return ROOT / "packages" / self.folder

    @property
    def tests(self) -> list[str]:
        return [str(self.path / "tests"), *(str(ROOT / "packages" / folder) for folder in self.shared)]

    @property
    def module(self) -> str:
        return next((self.path / "src").iterdir()).name

    @property
    def test_requirements(self) -> list[str]:
        pyproject = tomllib.loads((self.path / "pyproject.toml").read_text(encoding="utf-8"))
        return list(pyproject["dependency-groups"]["test"])


COMMON = ("heterodyne-physics/tests",)
"""What both physics packages have to pass; each runs it where only that package is installed."""

# The list of packages, in order of their dependencies; all sessions take it from here.
PACKAGES = {
    "heterodyne-spec": Package("heterodyne-spec"),
    "heterodyne-data": Package("heterodyne-data", ("heterodyne-spec",)),
    "heterodyne-report": Package("heterodyne-report", ("heterodyne-spec", "heterodyne-data")),
    "heterodyne-physics-meshgrid": Package("heterodyne-physics/meshgrid", ("heterodyne-spec",), COMMON),
    "heterodyne-physics-elementwise": Package("heterodyne-physics/elementwise", ("heterodyne-spec",), COMMON),
    "heterodyne-nlsq": Package(
        "heterodyne-nlsq", ("heterodyne-spec", "heterodyne-data", "heterodyne-report", "heterodyne-physics-meshgrid")
    ),
    "heterodyne-cmc": Package(
        "heterodyne-cmc",
        (
            "heterodyne-spec",
            "heterodyne-data",
            "heterodyne-report",
            "heterodyne-physics-meshgrid",
            "heterodyne-physics-elementwise",
        ),
    ),
    "heterodyne-cli": Package(
        "heterodyne-cli",
        (
            "heterodyne-spec",
            "heterodyne-data",
            "heterodyne-report",
            "heterodyne-physics-meshgrid",
            "heterodyne-physics-elementwise",
            "heterodyne-nlsq",
        ),
    ),
}
TESTED_WITH = {"heterodyne-data": "[filters,notebook]", "heterodyne-cmc": "[flow,dask]", "heterodyne-cli": "[view]"}
"""Extras that a package's own tests need."""

IN_BROWSER = [ROOT / "tests" / "integration" / f"test_{name}.py" for name in ("browser", "view", "view_runs")]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

PROCESSES = os.environ.get("TEST_PROCESSES", "2")
"""Processes of a test session. `make test` sets 1: it runs two sessions at a time."""

REPORTED = ("--durations", "12")
SIDE_BY_SIDE = REPORTED if PROCESSES == "1" else ("--numprocesses", PROCESSES, "--dist", "loadfile", *REPORTED)
"""Most of a test's time is compilation, which takes one core."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""With as many processes as cores a second thread of the BLAS only waits, by spinning."""

COMPILED = ROOT / ".nox" / "compiled"
"""Compiled functions of all sessions and their processes.

No largest size is set: to keep to one, JAX looks at all entries whenever it adds one. Without one it has no lock: an
entry that another process is just writing cannot be read. JAX warns about it (`pytest.ini` ignores that) and compiles.
"""

QUICKLY_COMPILED = {
    **ONE_THREAD,
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
    "XDG_CACHE_HOME": str(COMPILED),
    "JAX_COMPILATION_CACHE_DIR": str(COMPILED / "heterodyne"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    # Its list of fonts, which takes seconds where a test has a cache folder of its own.
    "MPLCONFIGDIR": str(COMPILED / "matplotlib"),
}
"""For tests, which compile much and compute little. What users install, `compat` runs as they do."""

BYTECODE = ROOT / ".nox" / "bytecode"
"""Compiled modules of what is installed, of all sessions: each would compile JAX, SciPy, Matplotlib ... again."""

DOCS_TOOLS = ["mkdocs-material", "math-core"]
OWN_EXTENSIONS = {"PYTHONPATH": str(ROOT / "scripts")}
"""Where the documentation's Markdown finds its own extension (scripts/mathml.py)."""
SNIPPETS = ROOT / "tests" / "integration" / "test_snippets.py"
SNIPPET_TOOLS = ["xarray"]
"""What the documentation's snippets call besides the packages."""
NOTEBOOK_TOOLS = ["nbclient", "nbformat", "ipykernel"]
"""What executes the documentation's notebooks."""

BEAMLINE_LIMIT_MB = 800
BEAMLINE_ABSENT = ("numpyro", "flax", "dask", "PySide6", "jupyter", "jupyterlab", "notebook", "ipython")


def local(name: str) -> str:
    """Return what pip installs for a package of the project, ``name`` or ``name[extra]``."""
    bare, bracket, extra = name.partition("[")
    return f"{PACKAGES[bare].path}{bracket}{extra}"


def install(session: nox.Session, *names: str, also: tuple[str, ...] | list[str] = ()) -> None:
    """Install packages of the project (editable) and other requirements, at the constrained versions."""
    editable = [part for name in names for part in ("--editable", local(name))]
    get(session, str(Path(session.bin) / "python"), *editable, *also)
    for site in Path(session.bin).parent.glob("lib/*/site-packages"):
        link_bytecode(BYTECODE, site)


def link_bytecode(source: Path, target: Path) -> None:
    """Link compiled modules from one folder of packages to another that has these packages and lacks them.

    Python compares them with the time and size of the module, and compiles again what has changed.
    """
    for module in source.rglob("__pycache__/*.pyc"):
        to = target / module.relative_to(source)
        if not to.exists() and (target == BYTECODE or to.parent.parent.is_dir()):
            with contextlib.suppress(OSError):  # another session may do the same, or the system has no links
                to.parent.mkdir(parents=True, exist_ok=True)
                to.hardlink_to(module)


def keep_bytecode(session: nox.Session) -> None:
    """Keep what a session has compiled for those that follow."""
    for site in Path(session.bin).parent.glob("lib/*/site-packages"):
        link_bytecode(site, BYTECODE)


def get(session: nox.Session, python: str, *requirements: str) -> None:
    """Install requirements for an interpreter: with uv where it is and finds them, which takes a second, else with pip.

    Of what is installed, a test imports little: that is compiled as it is imported.
    """
    asked = ("--quiet", "--constraint", str(CONSTRAINTS), *requirements)
    if (uv := shutil.which("uv", path=str(Path(sys.executable).parent))) is not None:
        with contextlib.suppress(CommandFailed):
            session.run(uv, "pip", "install", "--python", python, *asked, external=True)
            return
        session.warn("uv does not find what pip may find")
    # That of nox: an environment that uv made has no pip.
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--disable-pip-version-check", "--no-compile")
    session.run(*pip, *asked, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and common mistakes, in all code."""
    install(session, also=["ruff"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Static types: strict for every package."""
    # With the extras: what they bring is imported, and typed.
    names = [name + TESTED_WITH.get(name, "") for name in PACKAGES]
    install(session, *names, also=["mypy", "types-PyYAML", "types-jsonschema"])
    # Together, since every run reads again what others of the project import.
    session.run("mypy", *(str(PACKAGES[name].path / "src") for name in session.posargs or PACKAGES))


@nox.session
@nox.parametrize("package", list(PACKAGES), ids=list(PACKAGES))
def tests(session: nox.Session, package: str) -> None:
    """Each package's tests where only that package and its dependencies are installed."""
    run_tests(session, package)


def run_tests(session: nox.Session, package: str) -> None:
    """Run the tests of a package."""
    chosen = PACKAGES[package]
    own = package + TESTED_WITH.get(package, "")
    install(session, *chosen.needs, own, also=[*chosen.test_requirements, "pytest-xdist"])
    session.run("pytest", *chosen.tests, *SIDE_BY_SIDE, *session.posargs, env=QUICKLY_COMPILED)
    keep_bytecode(session)


def _name_tests(package: str) -> None:
    """Give the tests of a package a name that a shell takes without quotes; the environment is the same."""

    def of_package(session: nox.Session) -> None:
        run_tests(session, package)

    of_package.__doc__ = f"The same as tests({package})."
    nox.session(of_package, name=f"tests-{package}", default=False)


for name in PACKAGES:
    _name_tests(name)


@nox.session
def slow(session: nox.Session) -> None:
    """Tests marked slow, of all packages: what `tests` has shorter siblings of; ``-- -k prior`` for some."""
    tools = {tool for package in PACKAGES.values() for tool in package.test_requirements}
    install(session, *(name + TESTED_WITH.get(name, "") for name in PACKAGES), also=sorted(tools))
    named = ("heterodyne-physics-meshgrid", "heterodyne-nlsq", "heterodyne-cmc", "heterodyne-cli")
    for tests in (*(PACKAGES[name].tests for name in named), [str(ROOT / "tests" / "integration")]):
        session.run("pytest", *tests, "-m", "slow", *session.posargs, env=QUICKLY_COMPILED)


@nox.session
def codegen(session: nox.Session) -> None:
    """Generate the modules from the specification; ``-- --check`` only compares and fails on drift."""
    install(session, "heterodyne-spec", also=["mpmath"])
    session.run("python", "-m", "heterodyne_spec.codegen", *session.posargs)
    vectors = PACKAGES["heterodyne-spec"].path / "scripts" / "make_vectors.py"
    session.run("python", str(vectors), *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """What takes several packages: import graph, versions, commands, parity, reports in a browser."""
    with_extras = (name + TESTED_WITH.get(name, "") for name in PACKAGES)
    install(session, *with_extras, also=["pytest", "pytest-xdist", "hypothesis", *SNIPPET_TOOLS, *NOTEBOOK_TOOLS])
    program = find_browser(session)
    left_out = [word for path in (SNIPPETS, *([] if program else IN_BROWSER)) for word in ("--ignore", str(path))]
    if program is None:
        missing = "no Chromium or Chrome is installed, and it cannot be installed here (no root, or no apt-get)"
        if os.environ.get("CI") == "true":
            session.error(missing)
        session.warn(f"reports are not looked at in a browser: {missing}")
    env = {**QUICKLY_COMPILED, **({"CHROME": program} if program else {})}
    session.run("pytest", str(ROOT / "tests" / "integration"), *SIDE_BY_SIDE, *left_out, *session.posargs, env=env)
    keep_bytecode(session)


@nox.session
def snippets(session: nox.Session) -> None:
    """Python, commands and configurations of the documentation, page by page; ``-- -k README`` for one."""
    with_extras = (name + TESTED_WITH.get(name, "") for name in PACKAGES)
    install(session, *with_extras, also=["pytest", *SNIPPET_TOOLS])
    # One process, in which one page uses what another has compiled.
    session.run("pytest", str(SNIPPETS), *REPORTED, *session.posargs, env=QUICKLY_COMPILED)


def find_browser(session: nox.Session) -> str | None:
    """Return the path of a browser, that of Debian's Chromium installed now where root may; None without one."""
    if (found := _installed_browser()) is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    for command in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
        # 100 is what apt-get ends with when it cannot.
        session.run("apt-get", "--quiet", *command, external=True, silent=True, success_codes=[0, 100])
    return _installed_browser()


def _installed_browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@nox.session
def parity(session: nox.Session) -> None:
    """The two physics backends against each other."""
    install(
        session,
        "heterodyne-spec",
        "heterodyne-physics-meshgrid",
        "heterodyne-physics-elementwise",
        also=["pytest", "hypothesis"],
    )
    session.run("pytest", str(ROOT / "tests" / "integration" / "test_parity.py"), "-s", *session.posargs)


def build_wheels(session: nox.Session) -> dict[str, Path]:
    """Build the wheel of every package and return them by name."""
    # Absolute: sessions go on in other folders.
    folder = Path(session.create_tmp()).resolve() / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    install(session, also=["build", "packaging", "hatchling"])
    for package in PACKAGES.values():
        command = ("python", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(package.path))
        session.run(*command, silent=True)
    return {name: next(folder.glob(f"{name.replace('-', '_')}-*.whl")) for name in PACKAGES}


@nox.session
def compat(session: nox.Session) -> None:
    """Built wheels in a clean environment, as a beamline machine gets them: first the fit alone, then the commands."""
    wheels = build_wheels(session)
    session.run("python", str(ROOT / "scripts" / "check_wheels.py"), *map(str, wheels.values()))
    clean = Path(session.create_tmp()).resolve() / "beamline"
    shutil.rmtree(clean, ignore_errors=True)
    session.run("python", "-m", "venv", str(clean))
    python = str(clean / "bin" / "python")
    # From a folder of its own, so that nothing is imported from the checkout.
    session.chdir(session.create_tmp())
    for names, smoke in (
        (("heterodyne-nlsq", *PACKAGES["heterodyne-nlsq"].needs), "smoke.py"),
        (("heterodyne-cli",), "smoke_cli.py"),
    ):
        get(session, python, *(str(wheels[name]) for name in names))
        check_beamline(session, python)
        session.run(python, str(ROOT / "scripts" / smoke), external=True)


def check_beamline(session: nox.Session, python: str) -> None:
    """Look at what is installed: whether it fits together, its size, and what must be absent."""
    session.run(python, "-m", "pip", "check", external=True)
    report = subprocess.run(
        [python, str(ROOT / "scripts" / "check_beamline.py"), str(BEAMLINE_LIMIT_MB), *BEAMLINE_ABSENT],
        check=False,
        capture_output=True,
        text=True,
    )
    session.log(report.stdout.strip())
    if report.returncode:
        session.error(report.stderr.strip() or "the beamline install is not as it should be")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, its reference and its pictures; warnings are errors."""
    install(session, *PACKAGES, also=DOCS_TOOLS)
    session.run("python", str(ROOT / "scripts" / "reference_pages.py"))
    session.run("python", str(ROOT / "scripts" / "notebooks.py"), "--pages")
    session.run("python", str(ROOT / "scripts" / "pictures.py"), env=QUICKLY_COMPILED)
    command = ("mkdocs", *(session.posargs or ["build"]), "--strict", "--site-dir", str(ROOT / "site"))
    session.run(*command, env=OWN_EXTENSIONS)


@nox.session(name="docs-successor")
def docs_successor(session: nox.Session) -> None:
    """The pages that `docs` made last, by the successor of the theme, which reads the same configuration."""
    if not (ROOT / "docs" / "reference").is_dir():
        session.error("run nox -s docs first, which writes the reference and the pictures")
    # Not of constraints.txt: the question is what its newest version can.
    session.install("--quiet", "--upgrade", "zensical", "math-core")
    # A copy, since it writes the site and its cache beside the configuration.
    folder = Path(session.create_tmp()).resolve() / "successor"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    session.chdir(folder)
    session.run("zensical", "build", "--strict", *session.posargs, env=OWN_EXTENSIONS)
    session.log(f"the site is in {folder / 'site'}")


@nox.session
def notebooks(session: nox.Session) -> None:
    """Execute the notebooks of the documentation from their sources; ``-- first_fit`` for one."""
    install(session, *(name + TESTED_WITH.get(name, "") for name in PACKAGES), also=NOTEBOOK_TOOLS)
    session.run("python", str(ROOT / "scripts" / "notebooks.py"), *session.posargs, env=ONE_THREAD)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks: programs that print tables. ``-- NAME`` runs one."""
    install(session, *PACKAGES, "heterodyne-cli[view]")
    apart = ("table", "coverage", "posterior", "evidence", "nulls", "claims", "power", "sense", "misfits")
    programs = sorted(p for p in (ROOT / "benchmarks").glob("*.py") if p.stem not in apart)
    for program in programs:
        if not session.posargs or program.stem in session.posargs:
            session.run("python", str(program))


@nox.session
def coverage(session: nox.Session) -> None:
    """How often stated intervals hold the truth, over simulated measurements; ``-- COUNT`` repeats of each (200).

    ``-- weighted COUNT``: the same of weights from the noise, and their gain.
    """
    install(session, *PACKAGES)
    weighted = session.posargs[:1] == ["weighted"]
    name, arguments = ("weighted", session.posargs[1:]) if weighted else ("coverage", session.posargs)
    session.run("python", str(ROOT / "benchmarks" / f"{name}.py"), *arguments)


@nox.session
def evidence(session: nox.Session) -> None:
    """Held-out proof of what fits say: absent features claimed, features missed, sense, power; ``-- nulls 50`` etc."""
    install(session, *PACKAGES)
    session.run("python", str(ROOT / "benchmarks" / "evidence.py"), *session.posargs)


@nox.session
def posterior(session: nox.Session) -> None:
    """Consensus against an exact chain, coverage of the posterior, starts, times; ``-- consensus`` for one of them."""
    install(session, *(name + TESTED_WITH.get(name, "") for name in PACKAGES))
    session.run("python", str(ROOT / "benchmarks" / "posterior.py"), *session.posargs)


@nox.session
@nox.parametrize("package", list(PACKAGES), ids=list(PACKAGES))
def lowest(session: nox.Session, package: str) -> None:
    """Each package's tests with the lowest versions that the packages' ranges admit."""
    chosen = PACKAGES[package]
    session.install("--quiet", "uv")
    into = ("uv", "pip", "install", "--quiet", "--python", str(Path(session.bin) / "python"))
    names = [local(name) for name in (*chosen.needs, package + TESTED_WITH.get(package, ""))]
    session.run(*into, "--resolution", "lowest-direct", *names)
    # The tools of the tests are of today.
    session.run(*into, *chosen.test_requirements, "pytest-xdist")
    session.run("uv", "pip", "list", "--python", str(Path(session.bin) / "python"))
    # Old packages use what newer ones have deprecated: not what is asked here.
    deprecated = ("-W", "default::DeprecationWarning")
    session.run("pytest", *chosen.tests, *SIDE_BY_SIDE, *deprecated, *session.posargs)


@nox.session(venv_backend="venv")
def audit(session: nox.Session) -> None:
    """Compare constraints.txt with the known vulnerabilities that the package index lists; needs the network."""
    session.install("--quiet", "pip-audit")
    # Strict: what cannot be looked up is a failure and not a pass.
    session.run("pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", str(CONSTRAINTS))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Hostile files against every reader; ``-- --seed N --inputs N --seconds S``, ``-- --seed N --only K`` for one."""
    install(session, *(name + TESTED_WITH.get(name, "") for name in PACKAGES), also=["hypothesis"])
    session.run("python", str(ROOT / "tests" / "fuzz"), *session.posargs)


@nox.session
def numbers(session: nox.Session) -> None:
    """Random and hostile numbers, maps and configurations; ``-- --seed 7 --minutes 60`` for others, and longer."""
    install(session, *(name + TESTED_WITH.get(name, "") for name in PACKAGES), also=["hypothesis"])
    session.run("python", str(ROOT / "tests" / "numbers"), *session.posargs)


@nox.session
def endurance(session: nox.Session) -> None:
    """300 fits in a process, unusual sizes, the same results again, 8000 frames (20 GB); ``-- fits`` for a part."""
    install(session, *(name + TESTED_WITH.get(name, "") for name in PACKAGES))
    session.run("python", str(ROOT / "tests" / "numbers" / "endure.py"), *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Faults in every command, counted: kills, full disks, Ctrl-C ...; ``-- --seed N --count N``; as root on Linux."""
    install(session, *(name + TESTED_WITH.get(name, "") for name in PACKAGES))
    session.run("python", str(ROOT / "tests" / "faults"), *session.posargs)


@nox.session(venv_backend="venv")
def constraints(session: nox.Session) -> None:
    """Write constraints.txt anew: the newest versions that satisfy all packages and tools."""
    tools = ["nox", "uv", "ruff", "mypy", "types-PyYAML", "types-jsonschema", "build", "hatchling", "pytest-xdist"]
    tools += [*DOCS_TOOLS, *SNIPPET_TOOLS, *NOTEBOOK_TOOLS]
    groups = [requirement for package in PACKAGES.values() for requirement in package.test_requirements]
    editable = [part for name in PACKAGES for part in ("--editable", local(name + TESTED_WITH.get(name, "")))]
    session.install("--quiet", "--upgrade", *editable, *tools, *groups)
    frozen = session.run("python", "-m", "pip", "list", "--format", "json", "--exclude-editable", silent=True)
    skipped = {"pip", "setuptools", "wheel"}
    rows = [f"{row['name']}=={row['version']}" for row in json.loads(str(frozen)) if row["name"] not in skipped]
    header = "# Exact versions of everything the project is tested with; `nox -s constraints` writes this file.\n"
    CONSTRAINTS.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
