#!/usr/bin/env bash
# pytest 9.2.0: a unittest test that failed only in a subTest is not run again, by --lf or --reruns.
#
# pytest 9 reports a failed subTest by itself, and then its test as passed. The run is red. But
# whatever goes by the test's own report takes it for green: the cache of failed tests has it
# removed again by the second report, so --lf leaves it out, and pytest-rerunfailures reruns it not
# once. A test with the `subtests` fixture is reported as failed, is kept, and is rerun.
#
# Seen on 2026-11-30 with pytest 9.2.0, pytest-rerunfailures 16.7, CPython 3.11:
#   first run: 4 failed, 1 passed
#   kept for --lf: test_it.py::test_fixture
#   --reruns 2 ran: unittest 1, fixture 3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pytest==9.2.0 pytest-rerunfailures==16.7
cat > "$folder/test_it.py" <<'PY'
import pathlib
import unittest


def note(name):
    with pathlib.Path("ran").open("a") as file:
        print(name, file=file)


class TestIt(unittest.TestCase):
    def test_unittest(self):
        note("unittest")
        with self.subTest(i=1):
            self.fail("wrong")
        with self.subTest(i=2):
            self.fail("wrong")


def test_fixture(subtests):
    note("fixture")
    with subtests.test(i=1):
        raise AssertionError("wrong")
PY
cd "$folder"
run() { "$folder/venv/bin/python" -m pytest -q --tb=no "$@" test_it.py || [ $? = 1 ]; }
{
    echo "first run: $(run | tail -1 | sed 's/ in .*//')"
    echo "kept for --lf: $("$folder/venv/bin/python" -c \
        'import json; print(*json.load(open(".pytest_cache/v/cache/lastfailed")))')"
    rm ran
    run --reruns 2 > /dev/null
    echo "--reruns 2 ran: unittest $(grep -c unittest ran), fixture $(grep -c fixture ran)"
} > seen
cat seen
diff seen - <<'SEEN'
first run: 4 failed, 1 passed
kept for --lf: test_it.py::test_fixture
--reruns 2 ran: unittest 1, fixture 3
SEEN
