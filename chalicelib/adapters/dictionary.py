"""The preset zlib dictionary: words that heads and histories begin with. It belongs to packing.MARKER 1 for ever.

zlib reaches back most cheaply for what stands last, so the commonest come last.
"""

from __future__ import annotations

_RARE = (
    '"Http.ConnectionFailed""Http.5xx""Task.Failed""Task.Timeout""Choice.NoMatch""Expression.Failed""Input.Invalid"'
    '"Data.TooLarge""Sedo.ProcessingFailed""Execution.Timeout""Execution.TooManyTransitions""Http.404""Http.500""Http.503"'
    'application/json; charset=utf-8"content-length":"server":"date":"Mon, 23 Nov 2026 15:00:00 GMT"'
    '"definition":"retryAt":"20","delaySeconds":"until":"seconds":"reason":"digest":"parent":"amount":"type":"items":['
    '"status":"ok""status":200,"headers":{"content-type":"application/json"},"body":{"message":"url":"https://'
    '"actor":"api","name":"version":1,"cause":"error":{"name":"cause":"step":"nextAttempt":2,"delay":'
)
_EVENTS = (
    ',{"input":{},"message":",{"input":null},{"output":null}'
    ',{"output":{"},{"input":{"foo":"bar"},"definitionId":"","version":1,"actor":"'
    ",0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,0,1,0,1,0,1,0,1,1,0,1,0,1,0,1,null,null,1,1,1,1"
    ",1,2,1,2,1,2,1,2,2,1,2,1,2,1,2,7]"
)
_HEAD = (
    '"deadline_at_ms":179,"due_at_ms":179,"ended_at_ms":179,"error":{"name":"'
    '"cursors":[["","'
    '{"definition_id":"","definition_version":1,"input":{"output":{"stash":{},"cursors":[],"started_at_ms":17'
    '"ended_at_ms":17,"visits":1,"transitions":1,"seq":4,"flushed_seq":0,"chunks":0,"sends":1,"writes":1}'
    '"visits":3,"transitions":3,"seq":8,"flushed_seq":0,"chunks":0,"sends":0,"writes":1},[[1],['
)

DICTIONARY = (_RARE + _EVENTS + _HEAD).encode()
