"""The functions of JMESPath as definitions know them."""

from __future__ import annotations

import json
import re
from typing import Any

from jmespath.functions import Functions, signature

from chalicelib.engine import values

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,300})(\.[0-9]+)?([eE][-+]?[0-9]{1,4})?")


class _Functions(Functions):
    """The built-in functions, but for those that are vague about what is equal, what is a number and what is text."""

    @signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Any, search: Any) -> bool:
        if isinstance(subject, str):
            return isinstance(search, str) and search in subject
        return any(values.equal(element, search) for element in subject)

    @signature({"types": []})
    def _func_to_number(self, value: Any) -> Any:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            return json.loads(value)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        return value if isinstance(value, str) else values.text(value)


FUNCTIONS: Any = _Functions()
