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
    '"name":"error":{"name":"","cause":"","step":""},"nextAttempt":2,"delay":"deadline_at_ms":179,"due_at_ms":179'
)
_DETAILS = (
    '{"input":null},{"output":null},{"message":"","output":{"input":{"foo":"bar"},"version":1,"actor":"anonymous"}'
    ',{"output":{},"input":{},{"input":{"'
)
_COLUMNS = (
    ",null,null,null,1,1,1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0],[0,1,0,1,0,1,0,1,0,1,0,1],[null,1,0,1,0,1,0,1,null],"
    "[null,1,1,1,null],[{"
    ',[0,1,2,1,2,1,2,1,2,1,2,7],[null,"'
)
_HEAD = (
    '[{"definition_version":1,"input":{"output":{"stash":{},"started_at_ms":17950,"ended_at_ms":1795000,"due_at_ms":17950'
    ',"visits":1,"transitions":1,"seq":4,"flushed_seq":0,"by":"","chunks":0,"sends":1,"cursors":[["","'
    ',"2.1",false,false,null]]},[[1],[17'
    '"visits":2,"transitions":2,"seq":4,"flushed_seq":0,"chunks":0,"sends":0,"cursors":[]},[[1],[1795000000000,0,0,0],'
    '[{"definition_id":"'
)

DICTIONARY = (_RARE + _DETAILS + _COLUMNS + _HEAD).encode()
