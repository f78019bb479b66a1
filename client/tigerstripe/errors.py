"""The errors that Stripe answers with: `Refused`, and the sentences of its kinds.

Status, type, code, param and message are part of the API, because programs match on them. Each is
written once: here, or in the module of the only resource that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

DOC_URL = "https://stripe.com/docs/error-codes/"
HELP = "Please see https://stripe.com/docs or we can help at https://support.stripe.com/."

INVALID_REQUEST = "invalid_request_error"

_is_email = re.compile(r"[^@\s]+@[^@\s]+\Z").match


class Refused(Exception):
    """A request that is answered with an error; nothing was written.

    `error` has the members of the error as Stripe answers it: `message`, `type`, and where there
    are some `code`, `param` and others; `status` is the status of the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = INVALID_REQUEST,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        """Keep what the answer says; `more` are members that few errors have (`decline_code`)."""
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = headers or {}
        self.delay_s: float = 0.0
        error = {"message": message, "type": type, **more}
        if code is not None:
            error["code"] = code
            error["doc_url"] = DOC_URL + code.replace("_", "-")
        if param is not None:
            error["param"] = param
        self.error: dict[str, Any] = dict(sorted(error.items()))


class Declined(Refused):
    """The action was tried and failed, for example because a card was declined.

    Its results are committed, such as a failed charge and an event. The answer is kept under the
    idempotency key of the request, as that of a success would be.
    """

    @classmethod
    def of(cls, error: dict[str, Any]) -> Declined:
        """Return what an intent notes as its last error, as it is answered."""
        members = {name: value for name, value in error.items() if name != "doc_url"}
        return cls(members.pop("message"), status=402, **members)


# --- Parameters -----------------------------------------------------------------------------------


def unknown(names: Sequence[str], hint: str | None = None) -> Refused:
    """Return the refusal of parameters that the operation does not have.

    `hint` is a name that it has, and that the only one is much like.
    """
    plural = "s" if len(names) > 1 else ""
    message = f"Received unknown parameter{plural}: {', '.join(names)}"
    if hint is not None and len(names) == 1:
        message += f". Did you mean {hint}?"
    return Refused(message, code="parameter_unknown", param=names[0])


def missing(param: str) -> Refused:
    """Return the refusal of a request without a parameter that it needs."""
    return Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)


def empty(param: str) -> Refused:
    """Return the refusal of an empty string that unsets nothing."""
    return Refused(
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{param}' cannot be unset. You should remove '{param}' from your "
        f"request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=param,
    )


def invalid_integer(value: object, param: str) -> Refused:
    """Return the refusal of text that is no whole number."""
    return Refused(f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)


def too_small(param: str, least: int) -> Refused:
    """Return the refusal of a whole number that is too small."""
    message = f"This value must be greater than or equal to {least}."
    return Refused(message, code="parameter_invalid_integer", param=param)


def check_range(param: str, value: int | None, least: int, most: int | None = None) -> None:
    """Raise `Refused` for a whole number that is too small or too large."""
    if value is not None and value < least:
        raise too_small(param, least)
    if value is not None and most is not None and value > most:
        message = f"This value must be less than or equal to {most}."
        raise Refused(message, code="parameter_invalid_integer", param=param)


def check_email(email: str | None, param: str) -> None:
    """Raise `Refused` for what cannot be an e-mail address."""
    if email is not None and not _is_email(email):
        message = f"Invalid email address: {email}"
        raise Refused(message, code="email_invalid", param=param)


def not_one_of(param: str, values: Sequence[str]) -> Refused:
    """Return the refusal of a word that is not among those allowed."""
    return Refused(f"Invalid {param}: must be one of {listed(values)}", param=param)


def listed(values: Sequence[str]) -> str:
    """Return words as a list in English: `a`, `a or b`, `a, b, or c`."""
    if len(values) < 3:
        return " or ".join(values)
    return f"{', '.join(values[:-1])}, or {values[-1]}"


def only_one_of(*params: str) -> Refused:
    """Return the refusal of parameters that exclude each other."""
    return Refused(f"Received both {' and '.join(params)} parameters. Please pass in only one.")


def one_may_be_given(*params: str) -> Refused:
    """Return the refusal of parameters of which one may be given."""
    listed = ", ".join(sorted(params))
    return Refused(f"You may only specify one of these parameters: {listed}.")


def too_many(param: str, most: int) -> Refused:
    """Return the refusal of an array with too many elements."""
    return Refused(f"Array {param} exceeded maximum {most} allowed elements.", param=param)


def under(refused: Refused, at: str) -> Refused:
    """Return a refusal with its parameter named from the request's top: `price` in `items[0]`."""
    param = refused.error.get("param")
    if param is not None:
        first, bracket, rest = param.partition("[")
        refused.error["param"] = f"{at}[{first}]{bracket}{rest}"
    return refused


# --- Objects --------------------------------------------------------------------------------------


def no_such(
    what: str, id: str, param: str | None, *, in_path: bool = False, hint: str = ""
) -> Refused:
    """Return the refusal of an id that names nothing: 404 in the path, 400 in a parameter."""
    return Refused(
        f"No such {what}: '{id}'{hint}",
        status=404 if in_path else 400,
        code="resource_missing",
        param=param,
    )


def already_exists(what: str) -> Refused:
    """Return the refusal of an id that is taken."""
    return Refused(f"{what} already exists.", code="resource_already_exists")


# --- Requests -------------------------------------------------------------------------------------


def no_such_url(method: str, path: str) -> Refused:
    """Return the refusal of an operation that Stripe does not have."""
    hint = ""
    if path.endswith("/"):
        hint = (
            "If you are trying to list objects, remove the trailing slash. If you are trying to "
            "retrieve an object, make sure you passed a valid (non-empty) identifier in your code. "
        )
    return Refused(f"Unrecognized request URL ({method}: {path}). {hint}{HELP}", status=404)


def not_built(method: str, path: str) -> Refused:
    """Return the refusal of an operation that Stripe has and tigerstripe has not yet."""
    return of_fake(
        f"tigerstripe does not have {method} {path} yet, though Stripe does: nothing was done. "
        f"`tigerd stripe routes` lists what it has.",
        status=501,
    )


def not_built_parameter(name: str) -> Refused:
    """Return the refusal of a parameter whose meaning tigerstripe does not have yet."""
    return of_fake(
        f"tigerstripe does not have the parameter {name} here yet, though Stripe does: nothing was "
        f"done.",
        status=501,
        param=name,
    )


def of_fake(
    message: str, *, status: int = 500, param: str | None = None, retry: bool = False
) -> Refused:
    """Return what tigerstripe answers where Stripe would not refuse; SDKs `retry` or do not."""
    headers = {"stripe-should-retry": str(retry).lower()}
    return Refused(message, status=status, type="api_error", param=param, headers=headers)
