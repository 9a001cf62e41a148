"""The order of the packages, each importing only those below: contract < data < report < fits < command.

Physics is above the contract only. Checked in the sources, in the requirements for pip, and between the modules of each
package.

Public are the names in the ``__all__`` of each package, of the sub-packages in `PUBLIC_MODULES`, and of the modules in
`PLUGIN_MODULES`, which readers and models of other distributions import. The docstring of the package names them.
Other modules may change without notice: no package imports one of another package.
"""

import ast
import graphlib
import importlib
import re
import sys
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(
    path.parent
    for pattern in ("packages/*/pyproject.toml", "packages/heterodyne-physics/*/pyproject.toml")
    for path in ROOT.glob(pattern)
)

SPEC, DATA, REPORT = "heterodyne-spec", "heterodyne-data", "heterodyne-report"
MESHGRID, ELEMENTWISE = "heterodyne-physics-meshgrid", "heterodyne-physics-elementwise"
NLSQ, CMC, CLI = "heterodyne-nlsq", "heterodyne-cmc", "heterodyne-cli"

FLOOR = {SPEC: 0, DATA: 1, MESHGRID: 1, ELEMENTWISE: 1, REPORT: 2, NLSQ: 3, CMC: 3, CLI: 4}
"""The floor of each distribution: contract, data beside physics, report, fits, command."""

ALLOWED = {
    SPEC: set(),
    DATA: {SPEC},
    MESHGRID: {SPEC},
    ELEMENTWISE: {SPEC},
    REPORT: {SPEC, DATA},
    NLSQ: {SPEC, DATA, REPORT, MESHGRID},
    CMC: {SPEC, DATA, REPORT, MESHGRID, ELEMENTWISE},
    CLI: {SPEC, DATA, REPORT, ELEMENTWISE, NLSQ, CMC},
}
"""What each distribution may import and require of the others: the table of the architecture."""

_COMPUTING = {"jax", "jaxlib", "jaxtyping", "equinox", "numpyro", "nlsq", "flax", "dask"}
FORBIDDEN = {
    SPEC: {*_COMPUTING, "h5py", "matplotlib", "PIL"},
    DATA: {*_COMPUTING, "matplotlib", "PIL"},
    REPORT: _COMPUTING,
    NLSQ: {"numpyro", "flax", "dask"},
}
"""Other modules that a distribution must do without: the contract is read without JAX and HDF5, a beamline gets no
sampler."""

MODULE_OF = {"pyyaml": "yaml", "pillow": "PIL", "dask-jobqueue": "dask_jobqueue"}
BROUGHT = {"jsonschema": {"referencing"}, "bokeh": {"tornado"}}
"""Other modules that come with a requirement that cannot do without them."""

PUBLIC_MODULES = {"heterodyne_data.setup", "heterodyne_report.page", "heterodyne_physics_meshgrid.factored"}
"""Sub-packages that other packages import besides the packages themselves."""

PLUGIN_MODULES = {
    *("heterodyne_data.contents", "heterodyne_data.layouts.base", "heterodyne_data.source"),
    *("heterodyne_nlsq.age_resolved", "heterodyne_nlsq.models"),
}
"""Modules for readers of other layouts, and for other models."""

PLUGINS = ("docs/how-to/write-a-reader.md", "tests/integration/one_component/*.py")
"""Files with a reader and a model as other distributions would have them."""

DECISION = ROOT / "docs" / "decisions" / "0010-dependencies.md"


@dataclass(frozen=True)
class Package:
    """A distribution of the repository."""

    folder: Path

    @cached_property
    def project(self) -> dict[str, object]:
        with (self.folder / "pyproject.toml").open("rb") as file:
            return dict(tomllib.load(file)["project"])

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def requirements(self) -> list[tuple[str, str]]:
        """All requirements as they stand, each with the extra that has it ("" for none)."""
        extras: dict[str, list[str]] = self.project.get("optional-dependencies", {})  # type: ignore[assignment]
        always: list[str] = self.project.get("dependencies", [])  # type: ignore[assignment]
        return [(line, "") for line in always] + [(line, extra) for extra, lines in extras.items() for line in lines]

    @property
    def required(self) -> set[str]:
        """Distributions named as requirements, those of extras included."""
        return {re.split(r"[\s\[<>=!~;(]", line, maxsplit=1)[0].lower() for line, _ in self.requirements}

    @cached_property
    def imported(self) -> dict[str, str]:
        """Top-level modules that any file of the package imports, wherever in the file, with one place of each."""
        places = {}
        for path in sorted((self.folder / "src").rglob("*.py")):
            for module, line in imports(ast.parse(path.read_text(encoding="utf-8"))):
                places.setdefault(module, f"{path.relative_to(ROOT)}:{line}")
        return places

    @cached_property
    def modules(self) -> dict[str, set[str]]:
        """Modules of the package, each with those of the package that it imports, wherever in the file.

        That the packages around a module are imported with it does not count: these only re-export.
        """
        source = self.folder / "src"
        paths = {_module_name(path.relative_to(source)): path for path in source.rglob("*.py")}
        return {
            name: set(_inner_imports(ast.parse(path.read_text(encoding="utf-8")), paths))
            for name, path in paths.items()
        }


def _module_name(path: Path) -> str:
    return ".".join(part for part in path.with_suffix("").parts if part != "__init__")


def _inner_imports(tree: ast.AST, known: Collection[str]) -> Iterator[str]:
    """Yield the modules among `known` that a file imports, also by name; all imports of the project are absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [part if part in known else node.module for part in parts]
        elif isinstance(node, ast.Call):
            names = list(_imported_by_name(node))
        else:
            continue
        yield from (name for name in names if name in known)


def _imported_by_name(node: ast.Call) -> Iterator[str]:
    """Yield the module of a call like `importlib.import_module("...")`."""
    if ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__"):
        yield from (n.value for n in node.args[:1] if isinstance(n, ast.Constant) and isinstance(n.value, str))


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Return the top-level modules that a file imports, with `importlib.import_module("...")`, and the lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno
        elif isinstance(node, ast.Call):
            yield from ((name.partition(".")[0], node.lineno) for name in _imported_by_name(node))


PACKAGES = [Package(folder) for folder in FOLDERS]
EACH = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


def ours(modules: dict[str, str]) -> dict[str, str]:
    """Return the distributions of this repository among `modules`, with the places that import them."""
    return {name.replace("_", "-"): place for name, place in modules.items() if name.startswith("heterodyne_")}


def test_every_package_is_in_the_table() -> None:
    names = [package.name for package in PACKAGES]
    assert set(names) == set(ALLOWED) == set(FLOOR), "a package needs a line here and in the architecture"


@EACH
def test_sources_follow_the_arrows(package: Package) -> None:
    found = {name: place for name, place in ours(package.imported).items() if name != package.name}
    against = {name: place for name, place in found.items() if name not in ALLOWED[package.name]}
    assert not against, f"{package.name} must not import these: {against}"


@EACH
def test_requirements_follow_the_arrows(package: Package) -> None:
    required = {name for name in package.required if name.startswith("heterodyne-")} - {package.name}
    assert required <= ALLOWED[package.name]


@EACH
def test_what_is_imported_is_required(package: Package) -> None:
    missing = {name: place for name, place in ours(package.imported).items() if name != package.name}
    missing = {name: place for name, place in missing.items() if name not in package.required}
    assert not missing, f"imported but not required by {package.name}: {missing}"


def available(package: Package) -> set[str]:
    """Return the modules that are there where `package` is installed with its extras."""
    found = {MODULE_OF.get(name, name) for name in package.required}
    below = [other for other in PACKAGES if other.name in package.required]
    return found.union(*(BROUGHT.get(name, set()) for name in found), *(available(other) for other in below))


@EACH
def test_other_modules_that_are_imported_come_with_what_is_required(package: Package) -> None:
    allowed = {*sys.stdlib_module_names, *available(package)}
    missing = {
        n: place for n, place in package.imported.items() if n not in allowed and not n.startswith("heterodyne_")
    }
    assert not missing, f"imported and not required by {package.name}: {missing}"


def test_every_requirement_is_justified() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:5]]
        for line in DECISION.read_text(encoding="utf-8").splitlines()
        if line.startswith("| heterodyne-")
    ]
    expected = [
        [f"{package.name} [{extra}]" if extra else package.name, line]
        for package in PACKAGES
        for line, extra in package.requirements
        if not line.startswith("heterodyne-")
    ]
    assert sorted(row[:2] for row in rows) == sorted(expected)
    assert all(what and why for _, _, what, why in rows)


@EACH
def test_forbidden_modules_are_not_imported(package: Package) -> None:
    found = {name: place for name, place in package.imported.items() if name in FORBIDDEN.get(package.name, set())}
    assert not found


@EACH
def test_forbidden_distributions_are_not_required(package: Package) -> None:
    assert not {MODULE_OF.get(name, name) for name in package.required} & FORBIDDEN.get(package.name, set()) - {"nlsq"}


def test_every_arrow_leads_down() -> None:
    assert all(FLOOR[other] < FLOOR[name] for name, others in ALLOWED.items() for other in others)


def test_packages_import_public_names_of_other_packages() -> None:
    used = set()
    for package in PACKAGES:
        others = {module for other in PACKAGES if other is not package for module in other.modules}
        for path in sorted((package.folder / "src").rglob("*.py")):
            found = set(_inner_imports(ast.parse(path.read_text(encoding="utf-8")), others))
            private = {name for name in found if "." in name}
            rest = private - PUBLIC_MODULES
            assert not rest, f"{path.relative_to(ROOT)}: import the names of {rest} from its package"
            used |= private
    assert used == PUBLIC_MODULES, f"not imported any more: {PUBLIC_MODULES - used}"


def test_plugins_import_public_names() -> None:
    known = {module for package in PACKAGES for module in package.modules}
    used = set()
    for path in (path for pattern in PLUGINS for path in sorted(ROOT.glob(pattern))):
        text = path.read_text(encoding="utf-8")
        source = "\n".join(re.findall(r"^```python.*?\n(.*?)^```", text, re.M | re.S)) if path.suffix == ".md" else text
        private = {name for name in _inner_imports(ast.parse(source), known) if "." in name}
        rest = private - PLUGIN_MODULES
        assert not rest, f"{path.relative_to(ROOT)}: import the names of {rest} from its package"
        used |= private
    assert used == PLUGIN_MODULES, f"not imported any more: {PLUGIN_MODULES - used}"


@EACH
def test_the_docstring_of_a_package_names_its_public_modules(package: Package) -> None:
    name = package.name.replace("-", "_")
    source = (package.folder / "src" / name / "__init__.py").read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(source)) or ""
    public = {module for module in PUBLIC_MODULES | PLUGIN_MODULES if module.startswith(f"{name}.")}
    assert {module for module in package.modules if f"`{module}`" in said} == public
    assert "may change without notice" in " ".join(said.split())
    for module in public & PUBLIC_MODULES:
        assert "__all__" in dir(importlib.import_module(module))


@EACH
def test_modules_import_each_other_in_no_circle(package: Package) -> None:
    try:
        graphlib.TopologicalSorter(package.modules).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"{package.name}: {' <- '.join(error.args[1])}")


def test_imports_within_a_package_are_found_wherever_they_stand() -> None:
    source = "from p import a, name\nimport p.b\ndef f():\n  from p.c import g\nif TYPE_CHECKING:\n  import p.d.e\n"
    source += "import_module('p.f')\n"
    known = {"p", "p.a", "p.b", "p.c", "p.d", "p.d.e", "p.f"}
    assert set(_inner_imports(ast.parse(source), known)) == known - {"p.d"}


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b\nfrom c.d import e\nfrom . import f\ndef g():\n  import h\n  importlib.import_module('i.j')\n"
    assert sorted(module for module, _ in imports(ast.parse(source))) == ["a", "c", "h", "i"]
