"""Reading YAML and JSON strictly, and writing YAML that every reader takes for the same."""

import pytest
import yaml
from documents import json_documents
from hypothesis import given

from heterodyne_spec.documents import MAX_DEPTH, MAX_DOCUMENT_BYTES, dump_yaml, parse_json, parse_yaml, read_document
from heterodyne_spec.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e4", 1e4),
        ("-1E-3", -1e-3),
        ("+.5", 0.5),
        ("3.", 3.0),
        ("-.inf", float("-inf")),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("+12", 12),
        ("true", True),
        ("~", None),
        ("", None),
        # Numbers, booleans and dates of YAML 1.1 only.
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0b1", "0b1"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("=", "="),
        ("'1e4'", "1e4"),
        ("e4", "e4"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_12(text, value):
    found = parse_yaml(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, column 1", "duplicate key 'a' (first in line 1)"),
        ("x:\n  - {a: 1, a: 2}", "line 2, column 12", "duplicate key 'a'"),
        ("a: &x 1\nb: *x", "line 2, column 4", "aliases are not accepted"),
        ("a: &x {b: 1}\nc: {<<: *x}", "line 2, column 9", "aliases are not accepted"),
        ("a: !!python/object/apply:os.getcwd []", "line 1, column 4", "python/object/apply:os.getcwd"),
        ("a: !mine 1", "line 1, column 4", "!mine"),
        ("1: 2", "line 1, column 1", "key 1 is not a string"),
        ("? [a]\n: 1", "line 1, column 3", "key ['a'] is not a string"),
        ("a: [1, 2", "line 1, column 9", "expected ',' or ']'"),
        ("a: 'x", "line 1, column 6", "quoted scalar"),
        ("a: 1\n--- \nb: 2", "line 2, column 1", "another document"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "", f"nesting deeper than {MAX_DEPTH}"),
        ("[" * 5000, "", "nesting too deep"),
        ("a: \x07", "", "special characters are not allowed"),
        ("a: " + "9" * 5000, "", "4300 digits"),
    ],
)
def test_what_is_refused_in_yaml_is_named_with_its_place(text, where, found):
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "config.yaml")
    (problem,) = caught.value.problems
    assert problem.path == where
    assert found in problem.found
    assert str(caught.value).startswith("config.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_merge_key_is_an_ordinary_key_that_no_schema_knows():
    assert parse_yaml("'<<': {a: 1}") == {"<<": {"a": 1}}
    assert parse_yaml("<<: {a: 1}") == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": NaN}', "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ('{"a": 1, "a": 2}', "duplicate key 'a'"),
        ("{'a': 1}", "line 1 column 2"),
        ("", "Expecting value"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"nesting deeper than {MAX_DEPTH}"),
        ("[" * 100_000, "nesting too deep"),
    ],
)
def test_what_is_refused_in_json(text, found):
    with pytest.raises(ConfigError) as caught:
        parse_json(text, "a.json")
    assert found in caught.value.problems[0].found


def test_nesting_up_to_the_limit_is_read():
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_json(text) == parse_yaml(text)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.yaml", b"a: \xff\xfe", "bytes that are not UTF-8"),
        ("a.json", b"\x89HDF\r\n", "bytes that are not UTF-8"),
        ("big.yaml", b"#" * (MAX_DOCUMENT_BYTES + 1), f"{MAX_DOCUMENT_BYTES + 1} bytes"),
        ("none.yaml", None, "no such file"),
        (".", None, "Is a directory"),
    ],
)
def test_files_that_hold_no_document(tmp_path, name, content, found):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_document(tmp_path / name)
    assert found in caught.value.problems[0].found
    assert str(tmp_path) in str(caught.value)


@given(json_documents)
def test_written_yaml_reads_back_the_same_in_yaml_12_and_11(document):
    text = dump_yaml(document)
    assert _typed(parse_yaml(text)) == _typed(document)
    assert _typed(yaml.safe_load(text)) == _typed(document)


@pytest.mark.parametrize(
    "text",
    ["1", "1e4", "1.5", "yes", "null", "~", "", "2024-01-01", "0o7", "<<", "=", "- a", "a: b", "a\x85b", "\u2028"],
)
def test_texts_that_look_like_something_else_stay_texts(text):
    for read in (parse_yaml, yaml.safe_load):
        assert read(dump_yaml({text: [text]})) == {text: [text]}


def _typed(value):
    """Return the value with its types, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return [_typed(item) for item in value] if isinstance(value, list) else (type(value), repr(value))
