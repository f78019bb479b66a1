"""Python processes join an account by their environment alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import stripe

from tigerstripe import children

CREATE = "import stripe; stripe.Customer.create(name='of a child')"
PAGE = """
from urllib.request import urlopen
session = stripe.checkout.Session.create(mode="setup", currency="usd", success_url="https://a.b/")
print(urlopen(session.url).read().decode())
"""


@pytest.fixture
def environ(account) -> dict[str, str]:
    """The environment of a child that uses the account."""
    return children.environment({
        **os.environ,
        "TIGERD_DIR": str(account.store.directory),
        "TIGERD_NAMESPACE": account.name,
    })  # fmt: skip


def run(code: str, environ: dict[str, str]) -> str:
    """Run code in a child, and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    ).stdout


def test_a_child_that_imports_stripe_uses_the_account_and_serves_its_pages(
    account, environ
) -> None:
    assert "Save a payment method" in run(CREATE + PAGE, environ)
    assert [customer.name for customer in stripe.Customer.list()] == ["of a child"]


def test_children_of_children_use_it_too(account, environ) -> None:
    run(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CREATE!r}])", environ)
    assert account.store.customers.count() == 1


def test_a_child_of_a_child_that_was_forked_uses_it(account, environ) -> None:
    run(f"import os, stripe; os.fork() and os.wait(); {CREATE}", environ)
    assert account.store.customers.count() == 2


def test_a_child_without_stripe_loads_nothing(environ) -> None:
    code = "import json, sys; print({'tiger', 'tigerstripe', 'importlib.util'} & {*sys.modules})"
    bare = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    assert run(code, environ) == run(code, bare)
    assert "tigerstripe" not in run(code, environ)


def test_the_sitecustomize_of_the_user_is_imported(environ, tmp_path) -> None:
    (tmp_path / "sitecustomize.py").write_text("TOLD = 'mine'")
    code = "import sitecustomize, sys; print(sitecustomize.TOLD, len(sys.meta_path))"
    mine = children.environment({**environ, "PYTHONPATH": str(tmp_path)})
    assert run(code, mine).split()[0] == "mine"


def test_a_fault_of_the_sitecustomize_of_the_user_is_shown(environ, tmp_path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import of_nothing")
    mine = children.environment({**environ, "PYTHONPATH": str(tmp_path)})
    shown = subprocess.run(
        [sys.executable, "-c", "pass"], env=mine, capture_output=True, text=True, check=False
    )
    assert "of_nothing" in shown.stderr


def test_the_folder_stands_once_on_the_path_and_not_on_the_childs(environ) -> None:
    twice = children.environment(environ)
    assert twice["PYTHONPATH"].split(os.pathsep).count(children.BOOTSTRAP) == 1
    assert children.BOOTSTRAP not in run("import sys; print(sys.path)", twice)


def test_without_an_account_in_the_environment_nothing_is_installed(environ) -> None:
    del environ["TIGERD_DIR"]
    code = "import stripe, sys; print('tigerstripe' in sys.modules)"
    assert run(code, environ) == "False\n"


def test_an_account_that_cannot_be_had_fails_the_import(environ) -> None:
    environ["TIGERD_DIR"] = "/proc/none"
    code = "try: import stripe\nexcept Exception as error: print(error)"
    assert "/proc/none" in run(code, environ)


def test_a_python_without_the_package_is_told(environ, tmp_path) -> None:
    (tmp_path / "tigerstripe.py").write_text("raise ModuleNotFoundError(name='tigerstripe')")
    environ["PYTHONPATH"] += os.pathsep + str(tmp_path)
    code = "try: import stripe\nexcept ImportError as error: print(error)"
    assert "install tigerd[stripe]" in run(code, environ)


def test_processes_started_within_the_block_join(account, environ, monkeypatch) -> None:
    monkeypatch.setenv("TIGERD_DIR", environ["TIGERD_DIR"])
    monkeypatch.setenv("TIGERD_NAMESPACE", environ["TIGERD_NAMESPACE"])
    monkeypatch.setenv("PYTHONPATH", "/a")
    with children.joining():
        with children.joining():
            pass
        subprocess.run([sys.executable, "-c", CREATE], check=True)
        monkeypatch.setenv("PYTHONPATH", f"/b:{os.environ['PYTHONPATH']}")
    assert os.environ["PYTHONPATH"] == "/b:/a"
    assert account.store.customers.count() == 1


def test_a_request_of_a_child_that_failed_is_in_the_log_at_once(account, environ) -> None:
    code = """if True:
        import os, stripe
        try:
            stripe.Customer.retrieve("cus_none")
        except stripe.InvalidRequestError:
            os._exit(0)
    """
    run(code, environ)
    (entry,) = account.requests()
    assert (entry["status"], entry["error"]["code"]) == (404, "resource_missing")
    assert entry["process"] != os.getpid()
