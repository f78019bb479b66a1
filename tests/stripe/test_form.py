"""Decoding: what clients of all languages send."""

from __future__ import annotations

import pytest

from tigerstripe.errors import Refused
from tigerstripe.requests import form


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=1&b=x+y", {"a": "1", "b": "x y"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a%5Bb%5D=1", {"a": {"b": "1"}}),
        ("e[0]=x&e[1]=y", {"e": {"0": "x", "1": "y"}}),
        ("e[]=x&e[]=y", {"e": ["x", "y"]}),
        ("e=x&e=y&e=z", {"e": ["x", "y", "z"]}),
        ("i[][p]=1&i[][q]=2&i[][p]=3", {"i": [{"p": "1", "q": "2"}, {"p": "3"}]}),
        ("i[0][t][]=1&i[0][t][]=2", {"i": {"0": {"t": ["1", "2"]}}}),
        ("a=", {"a": ""}),
        ("", {}),
        ("a=%C3%A9", {"a": "é"}),
    ],
)
def test_a_form_is_a_dict(text, found) -> None:
    assert form.form(text) == found


@pytest.mark.parametrize("text", ["a=1&a[b]=2", "a[b]=1&a=2", "a[]=1&a[b]=2", "a[b]=1&a[]=2"])
def test_a_name_that_is_two_things_is_refused(text) -> None:
    with pytest.raises(Refused, match=r"Invalid (object|array)"):
        form.form(text)


def test_a_form_that_is_too_deep_or_too_long_is_refused() -> None:
    with pytest.raises(Refused, match="nested too deeply"):
        form.form("a" + "[b]" * 100 + "=1")
    with pytest.raises(Refused, match="more than"):
        form.form("&".join(f"a{n}=1" for n in range(20_000)))


def test_a_body_is_read_by_its_type() -> None:
    assert form.decode("a=1", "b=2", "") == {"a": "1", "b": "2"}
    assert form.decode("", b'{"a": null}', "application/json") == {"a": None}
    body = b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nlogo\r\n'
    body += b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    body += b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--x--\r\n"
    found = form.decode("", body, "multipart/form-data; boundary=x")
    assert found["purpose"] == "logo"
    assert found["file"] == {"filename": "a.png", "type": "image/png", "content": b"\x89PNG"}


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[1]", b"{", b"nothing of the kind"])
def test_a_body_that_is_not_what_it_says_is_refused(body) -> None:
    with pytest.raises(Refused, match="Invalid request body"):
        form.decode("", body, "application/json")


@pytest.mark.parametrize("kind", ["text/xml", "text/plain; charset=utf-8", "application/msgpack"])
def test_a_body_that_is_no_form_is_refused(kind) -> None:
    with pytest.raises(Refused, match="Content-Type"):
        form.decode("", b"name=x", kind)


@pytest.mark.parametrize("body", [b"", b"--b\r\n", b"--c\r\n\r\nx\r\n--c--\r\n"])
def test_a_body_with_files_that_is_broken_is_refused(body) -> None:
    cut = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' + body
    with pytest.raises(Refused, match="multipart"):
        form.decode("", cut, "multipart/form-data; boundary=b")
