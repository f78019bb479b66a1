"""A runner that does not configure the plugin."""

import pytest

from tigerd.pytest import nodes


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[nodes.ENVIRONMENT].leave()
    del config.stash[nodes.ENVIRONMENT]
