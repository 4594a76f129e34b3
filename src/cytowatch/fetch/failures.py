"""Why a server gave nothing: it said no, it was not to be had, or what it gave cannot be read."""

from __future__ import annotations

from cytowatch.errors import InputError


class RefusedError(InputError):
    """The server answered, and the answer is no; ``status`` says which."""

    def __init__(self, what: str, status: int, *, where: str, why: str = "", hint: str = "") -> None:
        self.status = status
        super().__init__(what, where=where, why=why, hint=hint)


class UnreachableError(InputError):
    """No usable answer within the attempts allowed; ``status``: the last one, 0 if there was none."""

    def __init__(self, what: str, *, where: str, why: str = "", hint: str = "", status: int = 0) -> None:
        self.status = status
        super().__init__(what, where=where, why=why, hint=hint)


class UnusableError(InputError):
    """The server answers, but with nothing that can be read: a web page, another format, a body that is never whole."""


class DamagedError(ValueError):
    """A body that is cut short or not what it says; asking again may help."""


class MismatchError(ValueError):
    """A body that is whole but is not what was asked for; asking again does not help."""
