"""The pure engine: no IO, no clock, no randomness; time and nonces are passed in.

definition.py   parse + validate → frozen Definition; shape.py, checks.py and flow.py say what is wrong with one
execution.py    frozen Execution and Cursor, and their stored document
decide.py       start(…) and decide(definition, execution, event, now_ms) → Decision; walk.py takes the steps
events.py       what can happen to an execution
effects.py      what the processor must do: sends after the commit, calls before the next one
history.py      history events
expressions.py  ${ JMESPath } templates; paths.py checks an expression, evaluation.py runs it within bounds
schemas.py      JSON Schemas of authors; schema_checks.py says what is wrong with one
keywords.py     keywords of JSON Schema within a budget; patterns.py: patterns by RE2
schedules.py    `schedule:` of a definition; recurrence.py: the next tick; timetable.py: what is due
retries.py      whether and when a failed attempt is made again
values.py       JSON values: equality, size, what can be stored
errors.py       the error tree; hints.py: what a misspelt name may mean
steps/          one file per step type, and the registry
"""
