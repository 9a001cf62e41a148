"""The names that the package exports."""

import heterodyne_spec


def test_every_public_name_is_there_and_documented():
    for name in heterodyne_spec.__all__:
        value = getattr(heterodyne_spec, name)
        assert name == "__version__" or value.__doc__, name
    assert len(set(heterodyne_spec.__all__)) == len(heterodyne_spec.__all__)
    assert dir(heterodyne_spec) == sorted(heterodyne_spec.__all__)
