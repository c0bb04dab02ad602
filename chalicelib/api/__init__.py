"""HTTP in, one call of a use case, JSON or problem+json out: the only room that knows status codes.

routes.py     which path leads to which function, and those functions
handling.py   what is the same for every route: read, check, call, answer
contract.py   openapi.yaml as data: parameters and bodies are checked against it
checks.py     JSON Schema problems, said in sentences
bodies.py     bytes → value: media types, limits, UTF-8
json_text.py  JSON, strictly
yaml_text.py  YAML 1.2 as far as it is JSON, with positions
plain.py      what neither of the two may contain
problems.py   exceptions → problem+json: the one table of status codes
documents.py  heads and definitions → the bodies of answers
cost.py       what an execution cost, estimated from its head
"""
