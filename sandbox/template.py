"""Reads a CloudFormation template as far as checking what was made from it needs: parameters, names, references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


class TemplateError(ValueError):
    """The template uses something that this reader does not know."""


class Template:
    """A parsed template with its parameters filled in."""

    def __init__(self, body: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        declared = body.get("Parameters", {})
        self.given = {name: value for name, value in parameters.items() if name in declared}
        self.parameters = {name: str(self.given.get(name, spec.get("Default", ""))) for name, spec in declared.items()}
        self.resources: Mapping[str, Mapping[str, Any]] = body.get("Resources", {})

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Of one resource, resolved."""
        resolved: dict[str, Any] = self.resolve(self.resources[logical_id].get("Properties", {}))
        return resolved

    def name(self, logical_id: str) -> str:
        """What stands for a resource in references: its own name, which ends its ARN and its URL, too."""
        properties = self.resources[logical_id].get("Properties", {})
        for key in ("TableName", "QueueName", "AlarmName"):
            if key in properties:
                return str(self.resolve(properties[key]))
        return logical_id

    def resolve(self, value: Any) -> Any:
        """Any value of the template with its functions applied."""
        match value:
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{(\w+)(?:\.\w+)?\}", lambda found: self._reference(found[1]), text)
            case {"Fn::GetAtt": [str(name), str()]}:
                return self._reference(name)
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(str(self.resolve(part)) for part in parts)
            case dict():
                unknown = next((key for key in value if key.startswith("Fn::")), None)
                if unknown:
                    raise TemplateError(f"{unknown} is not known to the sandbox")
                return {key: self.resolve(part) for key, part in value.items()}
            case list():
                return [self.resolve(part) for part in value]
        return value

    def _reference(self, name: str) -> str:
        if name in self.parameters:
            return self.parameters[name]
        if name in self.resources:
            return self.name(name)
        raise TemplateError(f"the template refers to '{name}', which it does not define")
