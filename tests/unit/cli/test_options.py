"""Options stand before or after a command's name; its own wins over the root's, and that over the environment."""

from __future__ import annotations

import pytest

from sedo.cli.app import COMMANDS
from tests.unit.cli.serving import Asked, Cli, Said, serving


@pytest.mark.parametrize(
    ("words", "tenant"),
    [
        ("definitions list", "environment"),
        ("--tenant root definitions list", "root"),
        ("definitions --tenant group list", "group"),
        ("definitions list --tenant own", "own"),
        ("--tenant root definitions list --tenant own", "own"),
        ("--tenant root definitions --tenant group list", "group"),
    ],
)
def test_the_nearest_option_wins(words: str, tenant: str) -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Said:
        asked.append(request)
        return Said(200, [])

    with serving(answer) as url:
        assert Cli(url)(*words.split(), "--json", SEDO_TENANT="environment").exit_code == 0
    assert asked[0].path == f"/sedo/tenants/{tenant}/definitions?limit=50"


def test_no_tenant_is_a_sentence() -> None:
    done = Cli("http://127.0.0.1:9")("definitions", "list", SEDO_TENANT=None)
    assert (done.exit_code, done.stderr) == (2, "sedo: which tenant? Set SEDO_TENANT, or write --tenant ID\n")


@pytest.mark.parametrize("words", ["nothing", "definitions nothing", "execute", "definitions list --limit 0", "--what"])
def test_a_wrong_command_line_is_exit_code_2(words: str) -> None:
    done = Cli("http://127.0.0.1:9")(*words.split())
    assert done.exit_code == 2
    assert "Error: " in done.stderr


@pytest.mark.parametrize("word", COMMANDS)
def test_every_word_has_help(word: str) -> None:
    done = Cli("http://127.0.0.1:9")(word, "--help")
    assert done.exit_code == 0
    assert f"Usage: sedo {word}" in done.stdout


@pytest.mark.parametrize("word", ["lint", "test", "verify", "graph", "schema"])
def test_words_that_ask_nobody_take_no_address(word: str) -> None:
    said = Cli("http://127.0.0.1:9")(word, "--help").stdout
    assert "--json" in said
    assert not [option for option in ("--url", "--tenant", "--token", "--as") if option in said]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("excute a", "'execute'"),
        ("definitons", "'definitions'"),
        ("executions lst", "'list'"),
        ("tasks anser", "'answer'"),
    ],
)
def test_an_unknown_word_is_told_what_it_may_be(words: str, meant: str) -> None:
    done = Cli("http://127.0.0.1:9")(*words.split())
    assert done.exit_code == 2
    assert "No such command" in done.stderr
    assert meant in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_scripts_of_the_shell(shell: str) -> None:
    done = Cli("http://127.0.0.1:9")("completions", shell)
    assert "_SEDO_COMPLETE=" + shell + "_complete" in done.stdout
