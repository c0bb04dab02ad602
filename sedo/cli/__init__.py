"""The `sedo` command: what authors and operators type.

app.py          the words and where each lives; a new one is one line there
options.py      where sedo is and who asks: SEDO_URL, SEDO_TENANT, SEDO_TOKEN, --json, on every command
errors.py       what ends a command, as a sentence and an exit code
client.py       HTTP: one request, pages, patience with a 503
problems.py     problem+json → sentences
files.py        definitions and inputs from files, arguments and standard input
output.py       what is printed: JSON, tables, lines; colour and width of the terminal
definitions.py  executions.py  execute.py  tasks.py  graph.py  lint.py  schema.py  completions.py: the commands
ask.py          a JSON Schema → questions → a value that passes it; misfits.py: why a value was refused
watch.py        an execution, polled; follow.py its history as lines; progress.py its steps' states
outline.py      the steps of a definition, nested ones too; mermaid.py and live.py draw them
changes.py      two documents → what differs, by path
"""

from sedo.cli.app import main

__all__ = ["main"]
