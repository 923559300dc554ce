# SPDX-License-Identifier: BSD-3-Clause
"""Options that several commands share, and the values that they mean."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["Finite", "PairsType", "config_option", "data_options", "index_option", "model_options", "only", "output",
           "sizes_of", "threads_option", "types_option", "write_config"]

F = TypeVar("F", bound=Callable[..., Any])


class Finite(click.ParamType):
    """A finite number, optionally bounded from below."""

    name = "number"

    def __init__(self, least: float = -math.inf, *, above: bool = False) -> None:
        self.least, self.above = least, above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a usage error that says what was wanted."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a number", param, ctx)
        if not math.isfinite(number) or number < self.least or (self.above and number == self.least):
            bound = "" if self.least == -math.inf else f" {'above' if self.above else 'of at least'} {self.least:g}"
            self.fail(f"expected a finite number{bound}, got {value}", param, ctx)
        return number


class NumberOrAuto(Finite):
    """A number above zero, or the word ``auto``."""

    name = "number|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """``"auto"`` or the number."""
        return "auto" if value == "auto" else super().convert(value, param, ctx)


class PairsType(click.ParamType):
    """``Si=837.9,O=12`` as a dict, or a bare number for all elements."""

    name = "number|element=number,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A float or a dict of floats."""
        if not isinstance(value, str) or "=" not in value:
            return Finite().convert(value, param, ctx)
        pairs = [part.split("=") for part in value.split(",")]
        if any(len(pair) != 2 or not pair[0].strip() for pair in pairs):
            self.fail(f"expected element=number,element=number, got {value!r}", param, ctx)
        return {key.strip(): Finite().convert(number, param, ctx) for key, number in pairs}


def stack(options: list[Callable[[F], F]], heading: str | None = None) -> Callable[[F], F]:
    """Several decorators as one, in the order in which the help shall list them, under a heading of their own."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
            if heading is not None:
                function.__click_params__[-1].heading = heading  # type: ignore[attr-defined]
        return function

    return decorate


types_option = click.option("--types", metavar="MAP", help="Elements of LAMMPS atom types: O,Si,Na or 1=O,2=Si,3=Na.")
index_option = click.option("--index", metavar="SLICE", help="Frames to take: a number or start:stop:step.")
threads_option = click.option("--threads", type=click.IntRange(0), default=0,
                              help="Threads; 0 is the machine's default. Results do not depend on it.")


class ReductionType(click.ParamType):
    """pca:N or cur:N."""

    name = "reduction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it was given, or a usage error that says what was wanted."""
        method, _, number = str(value).partition(":")
        if method not in ("pca", "cur") or not number.isdecimal() or int(number) < 1:
            self.fail(f"{value!r} is not pca:N or cur:N", param, ctx)
        return str(value)


data_options = stack([
    click.option("--reference-data", type=click.Choice(["shielding", "efg-17O"]),
                 help="Use the shipped data instead of files."),
    click.option("--isotope", metavar="NUCLEUS", help="The nucleus to learn, such as 29Si."),
    click.option("--tensor", metavar="ARRAY", help="Array of nine columns with the tensors; found by name if it is ms "
                                                   "or efg."),
    click.option("--kind", type=click.Choice(["ms", "efg"]),
                 help="What --tensor is: shielding (ppm) or field gradient."),
    click.option("--scalar", multiple=True, metavar="[TARGET=]ARRAY",
                 help="Array of one column with values of a target; may be given several times."),
    click.option("--sign", type=click.Choice(["1", "-1", "+1"]), default="1",
                 help="sigma = offset + sign * tensor; -1 for shifts as VASP prints them."),
    click.option("--offset", type=PairsType(), default=0.0, help="The offset, ppm: the core's shielding; by element."),
    click.option("--efg-unit", type=click.Choice(["au", "V/A^2", "V/m^2"]), default="au",
                 help="Unit of field gradients."),
    click.option("--where", metavar="CONDITION", help="Take these atoms only: 'label == 1 and element == Si'."),
    click.option("--group", metavar="KEY", help="What folds must not split: a key of info, an array, or 'file'."),
    types_option,
    index_option,
], "Data")

_target_option = stack([
    click.option("--target", "targets", multiple=True, metavar="NAME",
                 help="Learn sigma_iso, span (ppm), skew, abs_C_Q, C_Q, P_Q (MHz), eta or V_zz (a.u.); may be given "
                      "several times; or tensor: the whole shielding or field gradient, by equivariant kernels. "
                      "[default: sigma_iso for shieldings, abs_C_Q and eta for field gradients]"),
], "Data")

_descriptor_options = stack([
    click.option("--species", metavar="ELEMENTS",
                 help="Elements of the descriptor: O,Si,Na. [default: those in the data]"),
    click.option("--descriptor", type=click.Choice(["soap", "behler-parrinello", "ardf"]), default="soap",
                 help="Spherical-Bessel SOAP, symmetry functions or Chebyshev distribution functions."),
    click.option("--cutoff", type=Finite(0, above=True), default=6.0, help="Radius of an environment, Å."),
    click.option("--n-max", type=click.IntRange(1), default=12, help="Radial functions."),
    click.option("--l-max", type=click.IntRange(0), default=4, help="Largest angular momentum."),
    click.option("--sigma", type=Finite(0), default=0.3, help="Width of the smeared atoms, Å."),
    click.option("--basis", type=click.Choice(["bessel", "bessel-truncated", "kocer"]), default="bessel",
                 help="Radial basis."),
    click.option("--radial-scaling", type=(Finite(0, above=True), Finite(0, above=True)), metavar="R0 M",
                 default=(2.5, 4.0), help="Weight neighbours by 1 / (1 + (r / R0)^M); a large R0 weights all alike."),
    click.option("--mixing", type=click.Choice(["none", "formers", "valences"]), default="formers",
                 help="'formers' keeps O and the network formers (B, Al, Si, P, Ge; they count twice) apart and puts "
                      "all other elements into one channel; 'none' gives each element its own, 'valences' too, with "
                      "cations weighted by their charge."),
    click.option("--compression", type=click.Choice(["none", "crossover", "mu1nu1"]), default="none",
                 help="Products of channels: all pairs, each with itself, or each with the sum of all."),
    click.option("--remove-self/--keep-self", default=False,
                 help="Leave out the products of a neighbour with itself."),
    click.option("--angular-filter", type=Finite(0), default=0.0, help="a of the factor 1 / (1 + a [l (l + 1)]^2)."),
    click.option("--body-weights", type=(Finite(0), Finite(0)), metavar="W2 W3", default=(1.0, 1.0),
                 help="Factors of the 2- and the 3-body part; 0 leaves one out."),
    click.option("--normalise/--as-they-are", default=False, help="Bring the 3-body part of each row to one length."),
    click.option("--around", metavar="ELEMENTS",
                 help="Add the rows of the near neighbours of these elements, with former channels: O; auto is oxygen, "
                      "or of oxygen the network formers."),
    click.option("--around-radius", type=Finite(0, above=True), default=2.5, help="Which neighbours are near, Å."),
    click.option("--around-cutoff", type=Finite(0, above=True), default=4.5, help="Radius of their environments, Å."),
    click.option("--around-n-max", type=click.IntRange(1), default=6, help="Their radial functions."),
    click.option("--around-l-max", type=click.IntRange(0), default=3, help="Their largest angular momentum."),
    click.option("--around-weight", type=Finite(0, above=True), default=0.3,
                 help="Factor of their rows; 0.1 suits --normalise."),
    click.option("--reduce", type=ReductionType(), metavar="METHOD:N",
                 help="Shorten rows to N features: pca:200 (principal components) or cur:400 (chosen columns), by the "
                      "rows of the data without their targets."),
], "Descriptor")

_triplet_options = stack([
    click.option("--g2", type=click.IntRange(0), default=10, help="Of behler-parrinello: radial Gaussians."),
    click.option("--g4", type=click.IntRange(0), default=3,
                 help="Of behler-parrinello: Gaussians of triplets with all three sides, each in 8 angle functions."),
    click.option("--g5", type=click.IntRange(0), default=0,
                 help="Of behler-parrinello: Gaussians of triplets with two sides, each in 8 angle functions."),
    click.option("--n-radial", type=click.IntRange(0), default=10, help="Of ardf: polynomials of the distance."),
    click.option("--n-angular", type=click.IntRange(0), default=10, help="Of ardf: polynomials of the angle."),
    click.option("--angular-cutoff", type=Finite(0, above=True),
                 help="Of behler-parrinello and ardf: radius of triplets, Å. [default: the cutoff]"),
    click.option("--channels", type=click.Choice(["elements", "atomic-numbers", "signed", "formers"]),
                 help="Of behler-parrinello and ardf: what stands for the elements. [default: elements; signed for "
                      "ardf]"),
], "Symmetry functions and distribution functions")

_learning_options = stack([
    click.option("--regressor", type=click.Choice(["lssvr", "krr"]), default="lssvr",
                 help="Sparse regression on landmarks, or exact kernel ridge."),
    click.option("--robust", type=Finite(0), default=1.0,
                 help="Of lssvr: rows that are off by so many robust deviations when their group is left out count "
                      "half, those far off hardly; 0 counts all alike."),
    click.option("--shared", type=Finite(0), default=0.0,
                 help="Of lssvr: variance of an error that all rows of a structure have in common, in units of a row's "
                      "own; with --robust it is larger for structures that are off as a whole. 10, with --robust 2, "
                      "suits calculations of several origins; 0 is none."),
    click.option("--consensus", type=Finite(0), default=0.0,
                 help="Of lssvr: the model follows the mean of the regressions with all kappa and lambda whose error "
                      "is above the least by this share at most, 0.1 for example; 0 takes the best alone."),
    click.option("--kernel", type=click.Choice(["gaussian", "linear", "polynomial"]), default="gaussian",
                 help="Kernel."),
    click.option("--landmarks", "n_landmarks", type=click.IntRange(1), default=1000, help="Most landmarks of lssvr."),
    click.option("--landmark-method", default="icd",
                 type=click.Choice(["icd", "rpcholesky", "fps", "entropy", "kmeans", "random"]),
                 help="How landmarks are chosen; icd is incomplete Cholesky."),
    click.option("--kappa", type=NumberOrAuto(0, above=True), default="auto",
                 help="Of exp(-kappa |x - x'|^2); auto is chosen by cross validation."),
    click.option("--lambda", "lam", type=NumberOrAuto(0, above=True), default="auto",
                 help="Regularisation; auto is chosen by cross validation."),
    click.option("--folds", type=click.IntRange(2), default=5, help="Parts of the cross validation, split by group."),
    click.option("--seed", type=click.IntRange(0), default=0, help="Of the folds and of random landmarks."),
], "Learning")

RECIPES: dict[str, dict[str, Any]] = {
    "accurate": {"mixing": "valences", "compression": "mu1nu1", "normalise": True, "n_max": 8, "around": "auto",
                 "around_weight": 0.1, "robust": 2.0, "shared": 10.0, "consensus": 0.1}}
"""Options that go together, by the names of the parameters."""


def _recipe(ctx: click.Context, _: click.Parameter, name: str | None) -> None:
    if name is not None:
        ctx.default_map = {**RECIPES[name], **(ctx.default_map or {})}


_recipe_option = click.option(
    "--recipe", type=click.Choice(list(RECIPES)), is_eager=True, expose_value=False, callback=_recipe,
    help="Options that go together, those given beside win. 'accurate', for many elements: --mixing valences "
         "--compression mu1nu1 --normalise --n-max 8 --around auto --around-weight 0.1 --robust 2 --shared 10 "
         "--consensus 0.1.")

model_options = stack([_recipe_option, _target_option, _descriptor_options, _triplet_options, _learning_options,
                       threads_option])


def sizes_of(text: str) -> list[int]:
    """The numbers of --sizes."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(f"--sizes must be whole numbers like 100,200,400, got {text!r}") from None


def output(*, multiple: bool = False, required: bool = True, help: str = "File to write.") -> Callable[[F], F]:
    """The option ``-o``."""
    return click.option("-o", "--output", type=click.Path(path_type=Path), required=required, multiple=multiple,
                        metavar="FILE", help=help)


@dataclass(frozen=True)
class Settings:
    """The values of `data_options` and `model_options`, by the names of the options."""

    files: tuple[Path, ...]
    reference_data: str | None
    isotope: str | None
    tensor: str | None
    kind: str | None
    scalar: tuple[str, ...]
    sign: str
    offset: float | dict[str, float]
    efg_unit: str
    where: str | None
    group: str | None
    types: str | None
    index: str | None
    targets: tuple[str, ...] = ()
    species: str | None = None
    descriptor: str = "soap"
    cutoff: float = 6.0
    n_max: int = 12
    l_max: int = 4
    sigma: float = 0.3
    basis: str = "bessel"
    radial_scaling: tuple[float, float] | None = (2.5, 4.0)
    mixing: str = "formers"
    compression: str = "none"
    remove_self: bool = False
    angular_filter: float = 0.0
    body_weights: tuple[float, float] = (1.0, 1.0)
    normalise: bool = False
    around: str | None = None
    around_radius: float = 2.5
    around_cutoff: float = 4.5
    around_n_max: int = 6
    around_l_max: int = 3
    around_weight: float = 0.3
    g2: int = 10
    g4: int = 3
    g5: int = 0
    n_radial: int = 10
    n_angular: int = 10
    angular_cutoff: float | None = None
    channels: str | None = None
    reduce: str | None = None
    regressor: str = "lssvr"
    robust: float = 1.0
    shared: float = 0.0
    consensus: float = 0.0
    kernel: str = "gaussian"
    n_landmarks: int = 1000
    landmark_method: str = "icd"
    kappa: float | str = "auto"
    lam: float | str = "auto"
    folds: int = 5
    seed: int = 0
    threads: int = 0


def only(options: dict[str, Any]) -> Settings:
    """The settings among a command's arguments."""
    return Settings(**{field.name: options[field.name] for field in fields(Settings) if field.name in options})


def config_option(function: F) -> F:
    """The option ``--config``: a TOML file with the values of options, by their long names; the command line wins."""

    def read(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
        if path is None:
            return
        names = {option.lstrip("-").replace("-", "_"): parameter for parameter in ctx.command.params
                 for option in parameter.opts}
        given = {key.replace("-", "_"): value for key, value in _read_toml(path).items()}
        if "recipe" in given and "recipe" in names:
            recipe = given.pop("recipe")
            if recipe not in RECIPES:
                raise ValueError(f"{path}: recipe must be {' or '.join(RECIPES)}, got {recipe!r}")
            given = {**RECIPES[recipe], **given}
        unknown = [key for key in given if key not in names]
        if unknown:
            raise ValueError(f"{path}: {ctx.command.name} has no option {unknown[0]!r}")
        ctx.default_map = {**(ctx.default_map or {}), **{str(names[key].name): v for key, v in given.items()}}

    decorated: F = click.option("--config", type=click.Path(path_type=Path), metavar="FILE", is_eager=True,
                                expose_value=False, callback=read,
                                help="Read options from a TOML file; those given here win.")(function)
    return decorated


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from error
    nested = [key for key, value in table.items() if isinstance(value, dict) and key != "offset"]
    if nested:
        raise ValueError(f"{path}: options stand without headings, got [{nested[0]}]")
    if isinstance(table.get("offset"), dict):
        table["offset"] = ",".join(f"{key}={value}" for key, value in table["offset"].items())
    return table


def write_config(path: Path, settings: Settings, **more: Any) -> None:
    """Write settings as TOML that ``--config`` reads, the files of data among them."""
    from glassnmr.files import replacing

    lines = ["# options of glassnmr train and validate; read with --config"]
    for name, value in {**asdict(settings), **more}.items():
        if value not in (None, ()):
            lines.append(f"{_LONG.get(name, name).replace('_', '-')} = {_toml(value)}")
    with replacing(path) as file:
        file.write("\n".join(lines) + "\n")


_LONG = {"targets": "target", "lam": "lambda", "n_landmarks": "landmarks"}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(number)}" for key, number in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(str(part) if isinstance(part, Path) else part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)
