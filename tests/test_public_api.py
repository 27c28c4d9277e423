import vergence


def test_every_public_name_is_there_and_documented():
    for name in vergence.__all__:
        value = getattr(vergence, name)
        if not name.startswith("__") and not isinstance(value, dict):
            assert value.__doc__, f"{name} has no docstring"


def test_the_lazy_table_and_all_agree():
    assert {*vergence._HOME_OF, "__version__"} == set(vergence.__all__)


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(vergence, "no_such_name")
