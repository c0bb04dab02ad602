"""`sedo completions`: the script by which a shell completes the command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_SEDO_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completions(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash  eval "$(sedo completions bash)"            in ~/.bashrc
    zsh   eval "$(sedo completions zsh)"             in ~/.zshrc
    fish  sedo completions fish | source             in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, f"click completes no {shell}"
    root = context.find_root()
    click.echo(kind(root.command, {}, root.info_name or "sedo", VARIABLE).source())
