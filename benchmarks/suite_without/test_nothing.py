"""A test that asks for no store."""


def test_nothing() -> None:
    assert True
