"""The names that the package exports."""

import heterodyne_data


def test_every_public_name_is_there_and_documented():
    for name in heterodyne_data.__all__:
        value = getattr(heterodyne_data, name)
        assert name == "__version__" or value.__doc__, name
    assert len(set(heterodyne_data.__all__)) == len(heterodyne_data.__all__)
    assert dir(heterodyne_data) == sorted(heterodyne_data.__all__)
