"""From the authored YAML to the canonical JSON and the Equinox modules of both physics backends.

    python -m heterodyne_spec.codegen [--check] [--root REPOSITORY | --model YAML]

The output is committed. ``--check`` writes nothing and fails when a file differs from what the YAML gives. ``--model``
takes the model of another distribution: JSON and module are written beside its YAML.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from heterodyne_spec.canonical import canonical_json
from heterodyne_spec.errors import HeterodyneError, ModelError
from heterodyne_spec.expression import EXP_LIMIT, Binary, Call, Expression, Name, Negative, Number, names
from heterodyne_spec.lint.model_rules import lint_model
from heterodyne_spec.model import DEFAULT, ModelSpec, build_model
from heterodyne_spec.models import module_name
from heterodyne_spec.yamlio import read_document

BACKENDS = {
    "heterodyne_physics_meshgrid": "packages/heterodyne-physics/meshgrid",
    "heterodyne_physics_elementwise": "packages/heterodyne-physics/elementwise",
}
"""Import name -> folder of every distribution that gets generated modules."""

_SPEC_FOLDER = "packages/heterodyne-spec/src/heterodyne_spec/model"
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}
_CALLS = {"max": "jnp.maximum", "min": "jnp.minimum", "exp": "_exp"}


def jax_source(tree: Expression, parameters: tuple[str, ...], outer: int = 0) -> str:
    """Return `tree` as a JAX expression; parameters become ``self.name``, the rest stays a name."""
    match tree:
        case Number(value):
            return repr(value)
        case Name(name):
            return f"self.{name}" if name in parameters else name
        case Negative(operand):
            text = f"-{jax_source(operand, parameters, 3)}"
            return f"({text})" if outer else text
        case Binary("^", base, exponent):
            return f"_power({jax_source(base, parameters)}, {jax_source(exponent, parameters)})"
        case Binary(operator, left, right):
            rank = _PRECEDENCE[operator]
            # The right operand gets the higher rank: a - (b - c) keeps its parentheses.
            text = f"{jax_source(left, parameters, rank)} {operator} {jax_source(right, parameters, rank + 1)}"
            return f"({text})" if rank < outer else text
        case Call("clip", (value, low, high)):
            inside, lower, upper = (jax_source(a, parameters) for a in (value, low, high))
            return f"jnp.minimum(jnp.maximum({inside}, {lower}), {upper})"
        case Call(function, arguments):
            return f"{_CALLS[function]}({', '.join(jax_source(a, parameters) for a in arguments)})"


def _field(spec: ModelSpec, name: str) -> str:
    p = spec.parameter(name)
    prior = f"{p.prior.family}({p.prior.location:.6g}, {p.prior.scale:.6g})"
    doc = (
        f"{p.meaning[0].upper()}{p.meaning[1:]}. Unit: {p.unit}. Bounds: {p.bounds[0]:g} .. {p.bounds[1]:g}. "
        f"Prior: {prior}{', truncated to the bounds' if p.prior.truncated else ''}. Source: {p.source}."
    )
    body = textwrap.indent(textwrap.fill(f'"""{doc}"""', 110), "    ")
    return f'    {p.name}: Float[Array, ""] = eqx.field(converter=_number, default={p.default!r})\n{body}\n'


def _method(spec: ModelSpec, index: int) -> str:
    f = spec.functions[index]
    return (
        f'    def {f.name}(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:\n'
        f'        """{f.meaning[0].upper()}{f.meaning[1:]}, in {f.unit}, at ages `t` in s.\n\n'
        f"        ``{f.expression}``. Source: {f.source}.\n"
        f'        """\n'
        f"        return {jax_source(f.tree, spec.names)}\n"
    )


def _aligned(name: str, kind: str, entries: list[str]) -> str:
    rows = "".join(f"        {entry},\n" for entry in entries)
    return f"    {name}: ClassVar[{kind}] = (\n{rows}    )\n"


def _inputs(spec: ModelSpec) -> str:
    rows = ""
    for f in spec.functions:
        found = [name for name in spec.names if name in set(names(f.tree))]
        rows += f'            "{f.name}": ({", ".join(f'"{name}"' for name in found)}{"," * (len(found) == 1)}),\n'
    return (
        "    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(\n"
        f"        {{\n{rows}        }}\n    )\n"
    )


def module_source(spec: ModelSpec) -> str:
    """Return the text of the generated module: the Equinox module with its pointwise functions."""
    parameters = [spec.parameter(name) for name in spec.names]
    references = "\n".join(
        f"    {item['key']}: {item['title']}, doi:{item['doi']}" for item in spec.document["literature"]
    )
    rows = [f"    {p.name:<16}{p.unit:<12}{p.meaning}" for p in parameters]
    table = "\n".join(["", f"    {'name':<16}{'unit':<12}meaning", *rows, ""])
    parts = [
        f"# Generated from the specification by `nox -s codegen`; do not edit.\n"
        f"# model: {spec.id}, version {spec.version}\n# sha256 of its canonical JSON: {spec.sha256}\n",
        f'"""The model ``{spec.id}``: its parameters and pointwise functions of age."""\n\n'
        "from collections.abc import Mapping\nfrom types import MappingProxyType\nfrom typing import ClassVar\n\n"
        "import equinox as eqx\nimport jax.numpy as jnp\nfrom jax.typing import ArrayLike\n"
        "from jaxtyping import Array, Float\n\n"
        f'MODEL_ID = "{spec.id}"\nMODEL_VERSION = "{spec.version}"\n'
        f'MODEL_SHA256 = "{spec.sha256}"\n\n\n',
        "def _number(value: ArrayLike) -> Array:\n    return jnp.asarray(value, dtype=float)\n\n\n"
        "def _power(base: Array, exponent: Array) -> Array:\n"
        "    # 0^a is 0 for every a; the inner where keeps the gradient finite there.\n"
        "    positive = base > 0\n"
        "    return jnp.where(positive, jnp.where(positive, base, 1.0) ** exponent, 0.0)\n\n\n"
        "def _exp(argument: Array) -> Array:\n"
        f"    return jnp.exp(jnp.clip(argument, -{EXP_LIMIT!r}, {EXP_LIMIT!r}))\n\n\n",
        f'class HeterodyneModel(eqx.Module):\n    """{spec.title}.\n\n'
        + textwrap.indent(textwrap.fill(spec.document["summary"], 110), "    ")
        + f"\n{table}\n{references}\n"
        '    """\n\n',
        "\n".join(_field(spec, p.name) for p in parameters) + "\n",
        f'    model_id: ClassVar[str] = "{spec.id}"\n    """Identifier of the model."""\n\n',
        _aligned("names", "tuple[str, ...]", [f'"{p.name}"' for p in parameters]),
        '    """Names in canonical order."""\n\n',
        _aligned("units", "tuple[str, ...]", [f'"{p.unit}"' for p in parameters]),
        '    """Units in canonical order."""\n\n',
        _aligned(
            "bounds", "tuple[tuple[float, float], ...]", [f"({p.bounds[0]!r}, {p.bounds[1]!r})" for p in parameters]
        ),
        '    """(lower, upper) in canonical order."""\n\n',
        _aligned("defaults", "tuple[float, ...]", [repr(p.default) for p in parameters]),
        '    """Registry defaults in canonical order."""\n\n',
        _inputs(spec),
        '    """The parameters that each pointwise function depends on, in canonical order."""\n\n',
        "    @classmethod\n"
        '    def from_vector(cls, vector: ArrayLike) -> "HeterodyneModel":\n'
        f'        """Return the model of a parameter vector, ({len(parameters)},) in canonical order.\n\n'
        "        Raises\n        ------\n        ValueError : when the vector has another length.\n"
        '        """\n'
        "        vector = _number(vector)\n"
        "        if vector.shape != (len(cls.names),):\n"
        '            raise ValueError(f"a parameter vector has shape ({len(cls.names)},), found {vector.shape}")\n'
        "        return cls(*vector)\n\n"
        '    def to_vector(self) -> Float[Array, " n_par"]:\n'
        '        """Return the parameters as a vector in canonical order."""\n'
        "        return jnp.stack([getattr(self, name) for name in self.names])\n\n",
        "\n".join(_method(spec, k) for k in range(len(spec.functions))),
    ]
    return "".join(parts)


_INIT = (
    "# Generated from the specification by `nox -s codegen`; do not edit.\n"
    '"""Code generated from the specification, a module for every model."""\n'
)


def outputs(root: Path) -> Mapping[Path, str]:
    """Return path -> text of every generated file of the repository at `root`.

    Raises
    ------
    ModelError : with every problem of the authored YAML.
    """
    files: dict[Path, str] = {}
    folder = root / _SPEC_FOLDER
    for source in sorted(folder.glob("*.yaml")) or [folder / f"{DEFAULT}.yaml"]:
        spec, files[source.with_suffix(".json")] = _read(source)
        for package, backend in BACKENDS.items():
            files |= _modules(spec, root / backend / "src" / package / "_generated")
    return files


def outputs_of(source: Path) -> Mapping[Path, str]:
    """Return path -> text of every file that is generated beside the YAML of a model of another distribution.

    Raises
    ------
    ModelError : with every problem of it.
    """
    spec, text = _read(source)
    return {source.with_name(f"{spec.id}.json"): text, **_modules(spec, source.parent / "_generated")}


def _read(source: Path) -> tuple[ModelSpec, str]:
    """Return the model of a YAML, and its canonical JSON."""
    document = read_document(source)
    if problems := lint_model(document):
        raise ModelError(str(source), problems)
    return build_model(document), canonical_json(document)


def _modules(spec: ModelSpec, folder: Path) -> Mapping[Path, str]:
    return {folder / "__init__.py": _INIT, folder / f"{module_name(spec.id)}.py": module_source(spec)}


def main(argv: list[str] | None = None) -> int:
    """Write the generated files, or with --check list those that differ. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m heterodyne_spec.codegen", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="top of the repository")
    parser.add_argument("--model", type=Path, metavar="YAML", help="a model of another distribution, and no other")
    args = parser.parse_args(argv)
    try:
        files = outputs(args.root) if args.model is None else outputs_of(args.model)
    except HeterodyneError as error:
        print(error, file=sys.stderr)
        return 1
    stale = [p for p, text in files.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for path in stale:
        named = path.relative_to(args.root) if args.model is None else path
        print(f"{'out of date' if args.check else 'written'}: {named}")
        if not args.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
    if args.check and stale:
        print("run `nox -s codegen` and commit what it writes", file=sys.stderr)
        return 1
    print(f"{len(files)} generated files, {len(stale)} {'out of date' if args.check else 'changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
