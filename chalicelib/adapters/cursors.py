"""Cursors of lists: opaque, bound to the list they came from, and refused when anything about them is wrong."""

from __future__ import annotations

import base64
import binascii
import hashlib

from chalicelib.ports import BadCursor

_CHECK_BYTES = 6
_MAX_LENGTH = 1024


def make_cursor(scope: str, position: str) -> str:
    """Return the cursor that goes on after `position` in the list named `scope`."""
    data = position.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(_check(scope, data) + data).decode().rstrip("=")


def read_cursor(scope: str, cursor: str | None) -> str | None:
    """Return the position of a cursor; None for none. Raises BadCursor for one of another list."""
    if cursor is None:
        return None
    try:
        if len(cursor) > _MAX_LENGTH:
            raise BadCursor("cursor is longer than any that was handed out")
        blob = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, data = blob[:_CHECK_BYTES], blob[_CHECK_BYTES:]
        if check != _check(scope, data):
            raise BadCursor("cursor does not belong to this list")
        return data.decode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError) as error:
        raise BadCursor("cursor is not one that was handed out") from error


def _check(scope: str, data: bytes) -> bytes:
    return hashlib.sha256(scope.encode("utf-8", "surrogatepass") + b"\n" + data).digest()[:_CHECK_BYTES]
