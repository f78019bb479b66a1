"""The files of `stripe fixtures`: requests as JSON, made one after another in an account.

    {"_meta": {"template_version": 0},
     "fixtures": [
        {"name": "tea", "path": "/v1/products", "method": "post", "params": {"name": "Tea"}},
        {"name": "price", "path": "/v1/prices", "method": "post",
         "params": {"product": "${tea:id}", "unit_amount": 900, "currency": "eur"}}]}

`${tea:id}` is a field of the answer to the request of that name, `${tea:id|prod_1}` with what
stands there if it has none, `${.env:NAME}` a variable of the environment.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tiger import InvalidRequest
from tigerstripe.records import Record
from tigerstripe.requests.messages import Request

if TYPE_CHECKING:
    from tigerstripe.account import Account


REFERENCE = re.compile(r"\$\{([^|}:]+):([^|}]+)(?:\|([^}]*))?\}")
EXAMPLE = '{"fixtures": [{"name": "tea", "path": "/v1/products", "method": "post", "params": {}}]}'
METHODS = ("get", "post", "delete")


def run(account: Account, document: Mapping[str, Any], name: str = "the fixtures") -> Record:
    """Make all requests in an account; return the answers by the requests' names.

    `name` is what errors call the document. Raises `tiger.InvalidRequest` for a document that is
    none, and for a request that is refused (unless it has `expected_error_type`): those before it
    are done then.
    """
    fixtures = document.get("fixtures")
    if not isinstance(fixtures, list) or not all(isinstance(each, dict) for each in fixtures):
        raise InvalidRequest(f"{name}: fixtures is no list of requests: write {EXAMPLE}")
    answers: Record = {}
    for place, fixture in enumerate(fixtures):
        said = f"{name}: fixtures[{place}]"
        method, path = str(fixture.get("method", "post")).lower(), fixture.get("path")
        if method not in METHODS or not isinstance(path, str):
            raise InvalidRequest(
                f"{said} needs a path, and a method of {', '.join(METHODS)}: write {EXAMPLE}"
            )
        path = _filled(path, answers, said)
        form = urlencode([*pairs(_filled(fixture.get("params") or {}, answers, said))])
        key = fixture.get("idempotency_key")
        response = account.engine.answer(
            Request(
                method.upper(),
                path,
                query=form if method != "post" else "",
                body=form if method == "post" else None,
                authorization=f"Bearer {account.api_key}",
                version=fixture.get("version"),
                account=_filled(fixture.get("context") or "", answers, said) or None,
                idempotency_key=key if isinstance(key, str) else None,
            ),
            account.name,
        )
        answer = json.loads(response.body or "{}")
        error = answer.get("error")
        if error is not None and error["type"] != fixture.get("expected_error_type"):
            raise InvalidRequest(
                f"{said}, {method.upper()} {path}: answered with {response.status}: "
                f"{error['message']}"
            )
        if "name" in fixture:
            answers[fixture["name"]] = answer
    return answers


def _filled(value: Any, answers: Record, said: str) -> Any:
    """Return a value with its references replaced."""
    if isinstance(value, dict):
        return {name: _filled(each, answers, said) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, answers, said) for each in value]
    if not isinstance(value, str):
        return value

    def of(match: re.Match[str]) -> str:
        name, field, default = match.groups()
        found = os.environ.get(field) if name == ".env" else _field(answers.get(name), field)
        found = default if found is None else found
        if found is None:
            raise InvalidRequest(
                f"{said}: {match.group()} stands for nothing: there is no such answer before it, "
                f"or no such field in it; {match.group()[:-1]}|DEFAULT}} is taken then"
            )
        return _text(found)

    return REFERENCE.sub(of, value)


def _field(answer: Any, path: str) -> Any:
    """Return the field at a path, as `id`, `items.data.[0].id` or `items.data.0.id`."""
    for part in path.split("."):
        if isinstance(answer, list) and part.strip("[]").isdecimal():
            place = int(part.strip("[]"))
            answer = answer[place] if place < len(answer) else None
        elif isinstance(answer, dict):
            answer = answer.get(part)
        else:
            return None
    return answer


def pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pairs of a form that says the same."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from pairs(each, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from pairs(each, f"{name}[{place}]")
    elif value is not None:
        yield name, _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
