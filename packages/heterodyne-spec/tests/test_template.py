"""The configuration template: valid as written and with every setting in use, and complete."""

import re
from dataclasses import replace

from heterodyne_spec import config_template, load_config, load_model
from heterodyne_spec.documents import parse_yaml
from heterodyne_spec.lint.schema import load_schema


def uncommented(text):
    return re.sub(r"^( *)#(?=\w+:)", r"\1", text, flags=re.MULTILINE)


def test_as_written_it_is_the_default_configuration():
    config = load_config(parse_yaml(config_template()))
    assert replace(config, document={}) == load_config({})


def test_with_every_line_in_use_it_is_the_registry():
    spec = load_model()
    config = load_config(parse_yaml(uncommented(config_template())))
    assert list(config.model.parameters) == [*spec.names, "contrast", "offset"]
    for name, entry in config.model.parameters.items():
        parameter = spec.parameter(name)
        vary = None if parameter.group == "scaling" else parameter.vary
        assert (entry.value, entry.bounds, entry.vary) == (parameter.default, parameter.bounds, vary)


def test_every_key_and_parameter_is_there_and_explained():
    text = config_template()
    document = parse_yaml(text)
    words = re.sub(r"\s*\n *# ", " ", text)
    for name, schema in load_schema("config")["properties"].items():
        assert schema["description"] in words
        for key, inner in schema.get("properties", {}).items():
            assert key in document[name]
            assert inner["description"] in words
    for parameter in (*load_model().parameters, *load_model().scaling):
        assert parameter.meaning in text
        assert parameter.unit == "1" or f"({parameter.unit})" in text
    for key in load_schema("config")["$defs"]["parameter"]["properties"]:
        assert f"# {key}: " in text


def test_it_is_the_same_every_time_and_fits_a_screen():
    assert config_template() == config_template(load_model())
    assert max(map(len, config_template().splitlines())) <= 120
