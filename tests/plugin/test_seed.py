"""What accounts begin with: every way to say it, loaded once, and each way to say it wrongly."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite

WAYS = {
    "conftest.py": """
        import pytest

        @pytest.fixture(scope="session")
        def tiger_seed():
            return {"coupons": [{"id": "of-conftest"}], "plans": []}
    """,
    "test_conftest.py": """
        def test_it(tiger_store, tiger_store_module, tiger_store_session):
            for store in (tiger_store, tiger_store_module, tiger_store_session):
                assert [coupon["id"] for coupon in store.coupons.list()] == ["of-conftest"]
    """,
    "test_path.py": """
        import pytest

        @pytest.fixture(scope="session")
        def tiger_seed():
            return "seeds/shop.json"  # from the root of the run

        def test_it(tiger_store):
            assert [coupon["id"] for coupon in tiger_store.coupons.list()] == ["of-file"]
    """,
    "test_dict.py": """
        import pytest

        @pytest.fixture(scope="session")
        def tiger_seed():
            return {"plans": [{"id": "of-module"}]}

        def test_it(tiger_store):
            assert tiger_store.coupons.count() == 0
            assert [plan["id"] for plan in tiger_store.plans.list()] == ["of-module"]
    """,
    "seeds/test_marker.py": """
        import pytest

        pytestmark = pytest.mark.tigerd(seed="shop.json")  # beside this file

        def test_file(tiger_store):
            assert [coupon["id"] for coupon in tiger_store.coupons.list()] == ["of-file"]

        @pytest.mark.tigerd(seed={"coupons": [{"id": "of-marker"}]})
        def test_dict(tiger_store):
            assert [coupon["id"] for coupon in tiger_store.coupons.list()] == ["of-marker"]

        @pytest.mark.tigerd(seed=None)
        def test_none(tiger_store):
            assert tiger_store.coupons.count() == 0
    """,
    "seeds/shop.json": '{"coupons": [{"id": "of-file"}]}',
}


def test_every_way_to_say_what_accounts_begin_with(suite: Suite) -> None:
    for name, text in WAYS.items():
        suite.conftest(text) if name == "conftest.py" else suite.write(name, text)
    suite.run().assert_outcomes(passed=6)


def test_a_seed_without_ids_is_loaded_once_by_four_workers(suite: Suite) -> None:
    """They load it at the same moment: none goes on before all have come."""
    suite.conftest("""
        import os, time
        from pathlib import Path
        import pytest

        @pytest.fixture(scope="session")
        def tiger_seed(tiger_instance):
            Path(f"came-{os.getpid()}").touch()
            deadline = time.monotonic() + 30
            while len(list(Path().glob("came-*"))) < 4:
                assert time.monotonic() < deadline
            return {"coupons": [{"percent_off": number} for number in range(100)]}
    """)
    suite.write(
        "test_it.py",
        """
        import pytest
        import tiger

        @pytest.mark.parametrize("number", range(5))
        def test_it(tiger_store, tiger_instance, number):
            coupons = list(tiger_store.coupons.list(limit=100).auto_paging_iter())
            assert [coupon["percent_off"] for coupon in coupons] == list(range(100))
            with tiger.connect(tiger_instance.directory) as store:
                seeds = [name for name in store.namespaces() if name.startswith("seed")]
                assert len(seeds) == 1
                # created in one commit, by one of the four
                [only] = {d.commit for d in store.namespace(seeds[0]).changes()}
            with open("ids", "a") as file:
                file.write(" ".join(sorted(coupon["id"] for coupon in coupons)) + "\\n")
        """,
    )
    suite.run("-n4", "--dist", "each").assert_outcomes(passed=20)
    assert len(suite.places()) == 4
    assert len(set((suite.path / "ids").read_text().splitlines())) == 1


BAD = {
    "missing.json": (None, "the seed's file *missing.json: No such file or directory"),
    "text.json": ("{coupons", "*text.json is not JSON: *"),
    "list.json": ("[]", "*list.json holds an array: use one object*"),
    "shape.json": ('{"coupons": {}}', "*shape.json: coupons is an object: use an array*"),
    "item.json": ('{"coupons": [{}, 5]}', "*item.json: coupons[[]1[]] is a number*"),
    "refused.json": (
        '{"coupons": [{"id": "A"}, {"id": 7}]}',
        "*refused.json: coupons[[]1[]]: *id*",
    ),
    "twice.json": (
        '{"coupons": [{"id": "A"}, {"id": "A"}]}',
        "*twice.json: coupons[[]1[]] has the id 'A' of coupons[[]0[]]*",
    ),
    "table.json": ('{"cupons": [{}]}', "*table.json: no table 'cupons': *"),
}


def test_a_seed_that_is_no_good_says_where_and_why(suite: Suite) -> None:
    source = "import pytest\n"
    for name, (content, _) in BAD.items():
        if content is not None:
            suite.write(name, content)
        source += f"@pytest.mark.tigerd(seed={name!r})\n"
        source += f"def test_{name[:-5]}(tiger_store): pass\n"
    source += "\n@pytest.mark.tigerd(seed=5)\ndef test_number(tiger_store): pass\n"
    source += "\n@pytest.mark.tigerd(seed=[1])\ndef test_array(tiger_store): pass\n"
    source += "\n@pytest.mark.tigerd(seed={'nope': []})\ndef test_empty(tiger_store): pass\n"
    source += "\n@pytest.mark.tigerd(seed={5: [{}]})\ndef test_key(tiger_store): pass\n"
    source += "\n@pytest.mark.tigerd(seed={'coupons': [{'at': object()}]})\n"
    source += "def test_object(tiger_store): pass\n"
    source += "\n@pytest.mark.tigerd(sed='A')\ndef test_word(tiger_store): pass\n"
    source += "\n@pytest.mark.tigerd('A')\ndef test_place(tiger_store): pass\n"
    source += (
        "\n@pytest.mark.tigerd(seed={'coupons': object()})\ndef test_kind(tiger_store): pass\n"
    )
    source += "\ndef test_good(tiger_store): tiger_store.coupons.create({})\n"
    suite.write("test_it.py", source)
    result = suite.run("-n2")
    result.assert_outcomes(errors=len(BAD) + 8, passed=1)
    for _, message in BAD.values():
        result.stdout.fnmatch_lines([f"tigerd: {message}"])
    for message in (
        "tigerd: the seed 5: use a dict of lists of records, a path, or a function of *",
        "tigerd: the seed [[]1[]]: use a dict of lists of records, a path, or a function of *",
        "tigerd: the seed: no table 'nope': *",
        "tigerd: the seed: 5 is not a table: use its name, a string",
        "tigerd: the seed: coupons[[]0[]]: *object*",
        "tigerd: the seed: coupons is of type object: use an array of records",
        "tigerd: the marker tigerd(sed='A') of test_it.py::test_word needs one argument, seed: *",
        "tigerd: the marker tigerd('A') of test_it.py::test_place needs one argument, seed: *",
    ):
        result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()
    assert "testing.py" not in result.stdout.str()


def test_a_large_seed_costs_the_daemon_one_write(suite: Suite) -> None:
    suite.write("seed.json", json.dumps({"plans": [{"amount": n} for n in range(3000)]}))
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.tigerd(seed="seed.json")
        @pytest.mark.parametrize("number", range(3))
        def test_it(tiger_store, number):
            assert tiger_store.plans.count() == 3000
            before = tiger_store.ping()["commit"]
            assert before < 20  # not a commit for each record
            tiger_store.plans.delete(next(iter(tiger_store.plans.list()))["id"])
            assert tiger_store.plans.count() == 2999
        """,
    )
    suite.run().assert_outcomes(passed=3)


def test_what_tests_do_to_a_seed_given_as_a_dict(suite: Suite) -> None:
    """A seed that is changed by the tests after its use has been loaded already."""
    suite.write(
        "test_it.py",
        """
        import pytest

        SEED = {"coupons": [{"id": "A"}]}

        @pytest.fixture(scope="session")
        def tiger_seed():
            return SEED

        @pytest.mark.parametrize("number", range(2))
        def test_it(tiger_store, number):
            assert tiger_store.coupons.count() == 1
            SEED["coupons"].append({"id": f"more-{number}"})
        """,
    )
    suite.run().assert_outcomes(passed=2)


@pytest.mark.parametrize("text", ['{"coupons": []}', "{}"])
def test_an_empty_seed(suite: Suite, text: str) -> None:
    suite.write("seed.json", text)
    suite.write(
        "test_it.py",
        """
        import pytest
        from holding import held

        @pytest.mark.tigerd(seed="seed.json")
        def test_it(tiger_store):
            assert held(tiger_store) == {}
            tiger_store.coupons.create({})
        """,
    )
    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "records",
    [
        '({"id": "t"},)',
        '(item for item in [{"id": "t"}])',
        '{"t": {"id": "t"}}.values()',
        '[types.MappingProxyType({"id": "t"})]',
    ],
)
def test_any_series_of_mappings_is_a_seed(suite: Suite, records: str) -> None:
    suite.write(
        "test_it.py",
        f"""
        import types
        import pytest

        SEED = types.MappingProxyType({{"coupons": {records}}})

        @pytest.mark.tigerd(seed=SEED)
        @pytest.mark.parametrize("number", range(2))
        def test_it(tiger_store, number):
            assert [coupon["id"] for coupon in tiger_store.coupons] == ["t"]
        """,
    )
    suite.run().assert_outcomes(passed=2)
