"""Strict YAML: one plain document, no tags, no aliases, no duplicate keys, and the line of every key.

Scalars follow the YAML 1.2 core schema, so that ``no`` stays a word, ``010`` is not 8 and ``12:30`` is not 750.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from siting.vocabulary import CatalogError, SitingError

#: A key path, such as ``("land", "altitude_max_m")``, and the line it stands on.
Lines = dict[tuple[str | int, ...], int]

M = TypeVar("M", bound=BaseModel)

_LARGEST_FILE = 1_000_000
_DEEPEST = 20
_MOST_NODES = 20_000
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def read_yaml(path: str | Path, error: type[SitingError] = CatalogError) -> tuple[dict[str, Any], Lines]:
    """Content of a strict YAML file, and the line of each of its keys.

    Parameters
    ----------
    path : str or Path
        File with one mapping.
    error : type of SitingError
        Class to raise, `CatalogError` for entries and `StudyError` for studies.

    Returns
    -------
    data : dict
        The mapping.
    lines : dict
        Key path, such as ``("land", "altitude_max_m")`` or ``("criteria", 0, "weight")``, to line number, counted from 1.

    Raises
    ------
    SitingError
        Of class `error`: unreadable or oversized file, syntax, tag, alias, duplicate key, too deep or not a mapping.
    """
    path = Path(path)
    text = _text(path, error)
    try:
        _refuse_tags_and_aliases(path, text, error)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None)
        where = f"{path.name}:{mark.line + 1}" if mark else path.name
        problem = " ".join((getattr(cause, "problem", None) or str(cause)).split())
        raise error(f"{where}: expected YAML, found a mistake ({problem}); fix: mend the syntax of that line.") from None
    if not isinstance(node, yaml.MappingNode):
        raise error(f"{path.name}:1: expected a mapping of keys to values, found something else; fix: start with `key: value`.")
    lines: Lines = {}
    data: dict[str, Any] = _value(node, (), lines, path.name, error)
    return data, lines


def read_model(path: str | Path, model: type[M], error: type[SitingError] = CatalogError) -> tuple[M, Lines]:
    """Read and validate a strict YAML file; also give the line of each of its keys.

    Raises
    ------
    SitingError
        Of class `error`, in one line that names the file, the line and the field.
    """
    data, lines = read_yaml(path, error)
    try:
        return model.model_validate(data), lines
    except ValidationError as cause:
        raise error(explain_invalid(cause, model, lines, Path(path).name)) from None


def explain_invalid(cause: ValidationError, model: type[BaseModel], lines: Lines, name: str) -> str:
    """One line for the first fault of a validation: file, line, field, expected, found, fix."""
    fault = cause.errors()[0]
    keys = tuple(key for key in fault["loc"] if key != "[key]")
    field = ".".join(map(str, keys)) or "the file"
    where = f"{name}:{_nearest_line(keys, lines)}"
    more = f" ({cause.error_count() - 1} more faults follow)" if cause.error_count() > 1 else ""
    if fault["type"] == "extra_forbidden":
        known = sorted(_fields_at(model, keys[:-1]))
        near = difflib.get_close_matches(str(keys[-1]), known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}."
        return f"{where}: expected a known key, found {field!r}; fix: {fix}{more}"
    if fault["type"] == "missing":
        return f"{where}: expected the key {field!r}, found none; fix: add it.{more}"
    found = repr(fault["input"])
    found = found if len(found) <= 60 else found[:57] + "..."
    wish = fault["msg"].removeprefix("Value error, ")
    return f"{where}: expected another value of {field!r}, found {found}; fix: {wish[:1].lower()}{wish[1:].rstrip('.')}.{more}"


def _text(path: Path, error: type[SitingError]) -> str:
    if not path.is_file():
        raise error(f"Expected a YAML file, found none at {path}; fix: check the path.")
    if path.stat().st_size > _LARGEST_FILE:
        raise error(f"{path.name}: expected at most {_LARGEST_FILE} bytes, found {path.stat().st_size}; fix: keep data in files beside it.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{path.name}: expected UTF-8 text, found other bytes; fix: save the file as UTF-8.") from None
    except OSError as cause:
        raise error(f"Expected a readable file, found {cause.strerror} at {path}; fix: check its permissions.") from None


def _refuse_tags_and_aliases(path: Path, text: str, error: type[SitingError]) -> None:
    """Look at the stream of events before any node is built, so that nothing can expand."""
    depth, nodes = 0, 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"{path.name}:{event.start_mark.line + 1 if event.start_mark else 1}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise error(f"{where}: expected plain values, found an anchor or alias; fix: write the value out.")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise error(f"{where}: expected plain values, found the tag {tag!r}; fix: remove it.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > _DEEPEST or nodes > _MOST_NODES:
            raise error(f"{where}: expected at most {_DEEPEST} levels and {_MOST_NODES} values, found more; fix: keep data in files.")


def _value(node: yaml.Node, keys: tuple[str | int, ...], lines: Lines, name: str, error: type[SitingError]) -> Any:
    lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*keys, number), lines, name, error) for number, item in enumerate(node.value)]
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise error(f"{name}:{line}: expected a word as key, found a collection; fix: use a plain key.")
        key = str(key_node.value)
        if key in mapping:
            first = lines[(*keys, key)]
            raise error(f"{name}:{line}: expected each key once, found {key!r} again (first on line {first}); fix: remove one.")
        lines[(*keys, key)] = line
        mapping[key] = _value(value_node, (*keys, key), lines, name, error)
    return mapping


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _nearest_line(keys: tuple[str | int, ...], lines: Lines) -> int:
    """Line of the innermost key that stands in the file."""
    return next((lines[keys[:length]] for length in range(len(keys), -1, -1) if keys[:length] in lines), 1)


def _fields_at(model: type[BaseModel], keys: tuple[str | int, ...]) -> set[str]:
    """Field names of the models that may stand under ``keys``."""
    models = {model}
    for key in keys:
        if isinstance(key, int) or not any(key in each.model_fields for each in models):
            continue
        models = {inner for each in models if key in each.model_fields for inner in _models_in(each.model_fields[key].annotation)}
    return {name for each in models for name in each.model_fields}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models inside an annotation such as ``tuple[Criterion, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
