"""The pure engine: no IO, no clock, no randomness; time and nonces are passed in.

definition.py   parse + validate → frozen Definition
execution.py    frozen Execution and Cursor, and their stored document
decide.py       start(…) and decide(definition, execution, event, now_ms) → Decision
events.py       what can happen to an execution
effects.py      what the processor must do: sends after the commit, calls before the next one
history.py      history events
expressions.py  ${ JMESPath } templates
errors.py       the error tree
steps/          one file per step type, and the registry
"""
