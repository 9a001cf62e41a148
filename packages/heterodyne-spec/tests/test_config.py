"""The configuration as an object: complete, checked, and from a file, a mapping or nothing."""

import dataclasses
import json

import pytest
from documents import CONFIG

from heterodyne_spec import Config, ConfigError, ParameterConfig, load_config
from heterodyne_spec.documents import dump_yaml
from heterodyne_spec.lint.schema import load_schema
from heterodyne_spec.model import Prior

SECTIONS = ("data", "nlsq", "cmc", "output")


def test_without_a_configuration_every_key_has_the_default_of_the_schema():
    config = load_config()
    properties = load_schema("config")["properties"]
    for section in SECTIONS:
        expected = {key: schema["default"] for key, schema in properties[section]["properties"].items()}
        assert _keys(config, section) == expected
    assert (config.model.name, config.model.parameters, config.scaling) == ("two-component", {}, "individual")


def _keys(config, section):
    found = dataclasses.asdict(getattr(config, section))
    # Not a key, but what another one may hold.
    assert found.pop("several", None) is None
    return found


@pytest.mark.parametrize("several", ["all", [0.0054, 0.0081]])
def test_several_q_are_kept_apart_from_one(several):
    config = load_config({"data": {"q": several}, "model": {"share": ["J_s", "phi0"]}})
    assert (config.data.q, config.data.several, config.model.share) == (None, several, ["J_s", "phi0"])


def test_defaults_are_not_shared_between_configurations():
    load_config().data.mask_frames.append(1)
    assert load_config().data.mask_frames == []


def test_every_given_value_arrives():
    config = load_config(CONFIG)
    for section in SECTIONS:
        assert _keys(config, section) == CONFIG[section]
    assert config.scaling == {"fourier": 2}
    assert config.model.parameters == {
        "D0_ref": ParameterConfig(value=2e4, bounds=(1e3, 1e5)),
        "D0_sample": ParameterConfig(tie="D0_ref"),
        "v0": ParameterConfig(prior=Prior("normal", 1e3, 1e2, True)),
        "phi0": ParameterConfig(value=0, vary=False),
        "contrast": ParameterConfig(value=[0.1, 0.2]),
    }
    assert config.document == CONFIG


def test_whole_numbers_may_be_written_as_floats_and_become_int():
    config = load_config(
        {"data": {"frames": [1.0, 1e3]}, "cmc": {"samples": 1e3, "shards": 4.0}, "scaling": {"fourier": 2.0}}
    )
    whole = [*config.data.frames, config.cmc.samples, config.cmc.shards, config.scaling["fourier"]]
    assert [(type(value), value) for value in whole] == [(int, value) for value in (1, 1000, 1000, 4, 2)]


def test_config_keeps_its_document_when_the_mapping_changes():
    given = {"data": {"q": 0.005}}
    config = load_config(given)
    given["data"]["q"] = 1.0
    assert config.document == {"data": {"q": 0.005}}


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.json", "a.conf"])
def test_file_gives_the_same_as_the_mapping(tmp_path, name):
    text = json.dumps(CONFIG) if name == "a.json" else dump_yaml(CONFIG)
    (tmp_path / name).write_text(text)
    assert load_config(tmp_path / name) == load_config(CONFIG)


def test_config_is_passed_through_and_empty_files_and_sections_are_defaults(tmp_path):
    config = load_config({})
    assert load_config(config) is config
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    (tmp_path / "null.yaml").write_text("data:\nmodel: {parameters: }\nnlsq:\ncmc:\noutput:\n")
    for name in ("empty.yaml", "null.yaml"):
        loaded = load_config(tmp_path / name)
        assert isinstance(loaded, Config)
        assert dataclasses.replace(loaded, document={}) == config


def test_error_names_the_file_and_every_problem(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("data: {qq: 1}\nmodel: {parameters: {f0: {value: 2}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.source == str(path)
    assert [p.path for p in caught.value.problems] == ["data.qq", "model.parameters.f0.value"]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("document", [[], "text", 3, True])
def test_document_that_is_no_mapping_is_said_to_be_none(tmp_path, document):
    path = tmp_path / "a.yaml"
    path.write_text(dump_yaml(document))
    with pytest.raises(ConfigError, match="expected a mapping"):
        load_config(path)
