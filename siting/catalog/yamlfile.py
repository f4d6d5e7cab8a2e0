"""Strict YAML: one plain document, no tags, no aliases, no duplicate keys, and the line of every key.

Scalars follow the YAML 1.2 core schema, so that ``no`` stays a word, ``010`` is not 8 and ``12:30`` is not 750.
"""

from __future__ import annotations

import difflib
import json
import re
import typing
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from siting.catalog.redaction import redact
from siting.vocabulary import CatalogError, SitingError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: A key path, such as ``("land", "altitude_max_m")``, and the line it stands on.
Lines = dict[tuple[str | int, ...], int]

M = TypeVar("M", bound=BaseModel)

_LARGEST_FILE = 1_000_000
_DEEPEST = 20
_MOST_NODES = 20_000
_LONGEST_NUMBER = 400
_SHOULD = re.compile(r"\w+ should (.*?)( after validation, not \d+)?$")
#: Kind of fault -> what was expected, where pydantic speaks of JSON, and the fix.
_KINDS = {
    "model_type": ("to be a mapping of keys to values", "write its keys below it, or leave it out"),
    "dict_type": ("to be a mapping of keys to values", "write its keys below it, or leave it out"),
    "tuple_type": ("to be a list", "put it in brackets"),
    "bool_type": ("to be true or false", "write one of them"),
    "float_type": ("to be a number", "write a bare number"),
    "int_type": ("to be a whole number", "write a bare whole number"),
    "string_type": ("to be text", "put it in quotes"),
}
#: Beginning of what the parser says -> the likely fix.
_SYNTAX = {
    "found character '\\t'": "indent with spaces, not tabs",
    "mapping values are not allowed": "put a space after each colon, and text with a colon in quotes",
    "but found another document": "remove the line `---`",
}
_FOUND = {yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value", type(None): "nothing"}
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
        fix = next((fix for start, fix in _SYNTAX.items() if problem.startswith(start)), "mend the syntax of that line or the one above")
        raise error(f"{where}: expected YAML, found a mistake ({problem}); fix: {fix}.") from None
    if not isinstance(node, yaml.MappingNode):
        found = _FOUND[type(node)]
        raise error(f"{path.name}:1: expected a mapping of keys to values, found {found}; fix: start with `key: value`.")
    lines: Lines = {}
    data: dict[str, Any] = _value(node, (), lines, path.name, error)
    return data, lines


def read_model(
    path: str | Path, model: type[M], error: type[SitingError] = CatalogError, context: Mapping[str, Any] | None = None
) -> tuple[M, Lines]:
    """Read and validate a strict YAML file; also give the line of each of its keys.

    No value is turned into another type: ``"100"`` is no number, and ``true`` is not 1.

    Raises
    ------
    SitingError
        Of class `error`, in one line that names the file, the line and the field.
    """
    data, lines = read_yaml(path, error)
    try:
        # strict models take tuples and enumerations from JSON only
        return model.model_validate_json(json.dumps(data), strict=True, context=context), lines
    except ValidationError as cause:
        raise error(explain_invalid(cause, model, lines, Path(path).name)) from None


def explain_invalid(cause: ValidationError, model: type[BaseModel], lines: Lines, name: str) -> str:
    """One line for the first fault of a validation: file, line, field, expected, found, fix."""
    # a default that hangs on a faulty field is no other fault, and a misspelt key explains why another is missing
    faults = [each for each in cause.errors() if each["type"] != "default_factory_not_called"]
    faults.sort(key=lambda each: each["type"] != "extra_forbidden")
    fault, keys = faults[0], _keys(faults[0], model, lines)
    # a list that lost a faulty item counts as too short as well
    others = sum(place != keys[: len(place)] for place in {_keys(each, model, lines) for each in faults})
    more = f" ({others} more {'fault' if others == 1 else 'faults'} after this one.)" if others else ""
    return f"{name}:{_nearest_line(keys, lines)}: {_explain(fault, keys, model)}{more}"


def _explain(fault: ErrorDetails, keys: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """Field, expected, found and fix of one fault."""
    field = ".".join(map(str, keys))
    inside, meaning = _follow(model, keys[:-1])[0], _follow(model, keys)[1]
    if fault["type"] == "extra_forbidden":
        known = sorted({key for each in inside for key in each.model_fields})
        near = difflib.get_close_matches(str(keys[-1]), known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}."
        return f"expected a known key, found {field!r}; fix: {fix}"
    if fault["type"] == "missing":
        item = isinstance(keys[-1], int)
        return f"expected {'another item' if item else 'the key'} {field!r}, found none; fix: add it{_meaning(meaning)}."
    wish = fault["msg"].removeprefix("Value error, ").rstrip(".")
    found = redact(repr(fault["input"])) if fault["input"] not in (None, True, False) else json.dumps(fault["input"])
    found = found if len(found) <= 60 else found[:57] + "..."
    if fault["type"] != "value_error":
        words = _SHOULD.match(wish)
        wish, fix = _KINDS.get(fault["type"], (f"to {words[1]}" if words else f"to fit ({wish})", _per_cent(fault)))
        return f"expected {field!r} {wish}, found {found}; fix: {fix}{_meaning(meaning)}."
    if "xpected " not in wish or "found " not in wish:
        return f"expected another value of {field!r}, found {found}; fix: {wish[:1].lower()}{wish[1:]}."
    if "; fix: " not in wish:
        head, _, fix = wish.rpartition("; ")
        wish = f"{head}; fix: {fix}" if head else f"{fix}; fix: change it{_meaning(meaning)}"
    return (f"{field}: " if field else "") + f"{wish[:1].lower()}{wish[1:]}" + ("" if wish.endswith("?") else ".")


def _meaning(meaning: str) -> str:
    return f"; it means: {meaning.rstrip('.')}" if meaning else ""


def _per_cent(fault: ErrorDetails) -> str:
    """Fix for a number out of bounds, which may be a share that was written in per cent."""
    limit, found = max(fault.get("ctx", {}).get(key, 0) for key in ("le", "lt")), fault["input"]
    per_cent = 0 < limit <= 1 and 2 <= found <= 100 if isinstance(found, int | float) else False
    return f"write a fraction, {found:g} % is {found / 100:g}" if per_cent else "change it"


def _text(path: Path, error: type[SitingError]) -> str:
    try:
        if not path.is_file():
            raise error(f"Expected a YAML file, found none at {str(path)!r}; fix: check the path.")
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise error(f"{path.name}: expected at most {_LARGEST_FILE} bytes, found {size}; fix: keep data in files beside it.")
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
        _refuse_control_characters(node, name, error)
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*keys, number), lines, name, error) for number, item in enumerate(node.value)]
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise error(f"{name}:{line}: expected a word as key, found a collection; fix: use a plain key.")
        _refuse_control_characters(key_node, name, error)
        key = str(key_node.value)
        if key in mapping:
            first = lines[(*keys, key)]
            raise error(f"{name}:{line}: expected each key once, found {key!r} again (first on line {first}); fix: remove one.")
        lines[(*keys, key)] = line
        mapping[key] = _value(value_node, (*keys, key), lines, name, error)
    return mapping


def _refuse_control_characters(node: yaml.ScalarNode, name: str, error: type[SitingError]) -> None:
    """Refuse what can steer a terminal, or can't be written to a file; escapes in double quotes may hold it."""
    for character in str(node.value):
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
            where = f"{name}:{node.start_mark.line + 1}"
            raise error(f"{where}: expected printable text, found the character U+{ord(character):04X}; fix: remove it.")


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _nearest_line(keys: tuple[str | int, ...], lines: Lines) -> int:
    """Line of the innermost key that stands in the file."""
    return next((lines[keys[:length]] for length in range(len(keys), -1, -1) if keys[:length] in lines), 1)


def _keys(fault: ErrorDetails, model: type[BaseModel], lines: Lines) -> tuple[str | int, ...]:
    """Keys of a fault as they stand, or should stand, in the file; without the marks that tell variants of a type apart."""
    keys = tuple(key for key in fault["loc"] if key != "[key]" and not str(key).startswith("<"))
    while keys and isinstance(keys[-1], str) and keys not in lines:
        if any(keys[-1] in each.model_fields for each in _follow(model, keys[:-1])[0]):
            break
        keys = keys[:-1]
    return keys


def _follow(model: type[BaseModel], keys: tuple[str | int, ...]) -> tuple[set[type[BaseModel]], str]:
    """Models that may stand under ``keys``, and the description of the field there; items share that of their list."""
    models, description = {model}, ""
    for key in keys:
        fields = [each.model_fields[key] for each in models if isinstance(key, str) and key in each.model_fields]
        if fields:
            models = {inner for field in fields for inner in _models_in(field.annotation)}
            description = fields[0].description or ""
    return models, description


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models inside an annotation such as ``tuple[Criterion, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
