"""Every command and every key of a recipe, as the program itself knows them.

The directive `usage` shows how a command is called, `options` what `--help` says of each of its
options, with an anchor for each; `keys` shows every key of a recipe, with its default.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from deltarule.cli import parser as parsers
from deltarule.runs import recipes
from deltarule.runs.recipes import Recipe

WIDTH = 88


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    return parsers.build_parser().commands[command]


def escaped(text: str) -> str:
    """Text as Markdown that shows it unchanged, except that backticks still mean code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\*_$<\[\]{}~|])", r"\\\1", part)
        for part in parts
    )


def help_of(action: argparse.Action, prog: str) -> str:
    """What `--help` says of an option, with its placeholders filled in."""
    values = {**vars(action), "prog": prog}
    return escaped((action.help or "") % values)


def signature(action: argparse.Action) -> str:
    """An option as it is typed: `--lr RATE`."""
    if not action.option_strings:
        return str(action.metavar or action.dest)
    if action.nargs == 0:
        return ", ".join(action.option_strings)
    value = action.metavar or action.dest.upper()
    return ", ".join(f"{word} {value}" for word in action.option_strings)


def introduction(parser: argparse.ArgumentParser) -> str:
    """What a command is for and how it is called, in Markdown."""
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=WIDTH)  # type: ignore[assignment]
    usage = parser.format_usage().removeprefix("usage: ").replace("\n       ", "\n")
    return f"{escaped(parser.description or '')}\n\n```text\n{usage}```"


def options(parser: argparse.ArgumentParser) -> str:
    """Every option of a command in Markdown, in the groups that `--help` has."""
    parts = [f"```{{program}} {parser.prog}\n```"]
    for group in parser._action_groups:
        actions = [a for a in group._group_actions if not isinstance(a, argparse._HelpAction)]
        if not actions:
            continue
        title = {"positional arguments": "arguments"}.get(group.title or "", group.title or "")
        parts.append(f"## {title[:1].upper()}{escaped(title[1:])}")
        for action in actions:
            said = help_of(action, parser.prog)
            parts.append(f"```{{option}} {signature(action)}\n{said}\n```")
    return "\n\n".join(parts)


def default_of(field: dataclasses.Field[Any]) -> str:
    """The default of a key as a recipe file would have it."""
    value = (
        field.default_factory()
        if field.default_factory is not dataclasses.MISSING
        else field.default
    )
    if value is None or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else repr(value)}`"


def keys() -> str:
    """Every key of a recipe in Markdown."""
    rows = ["| key | default | what it is |", "|---|---|---|"]
    for field in dataclasses.fields(Recipe):
        rows.append(f"| `{field.name}` | {default_of(field)} | {escaped(field.metadata['help'])} |")
    return "\n".join(rows)


class FromProgram(SphinxDirective):
    """What is read anew when the program's own words have changed."""

    def run(self) -> list[nodes.Node]:
        for module in (parsers, recipes):
            self.env.note_dependency(str(module.__file__))
        return self.shown()

    def shown(self) -> list[nodes.Node]:
        raise NotImplementedError


class Usage(FromProgram):
    """Shows how a command is called."""

    required_arguments = 1

    def shown(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(introduction(parser_of(self.arguments[0])))


class Options(FromProgram):
    """Shows every option of a command, under headings."""

    required_arguments = 1

    def shown(self) -> list[nodes.Node]:
        text = options(parser_of(self.arguments[0]))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Keys(FromProgram):
    """Shows the keys of a recipe."""

    def shown(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(keys())


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("usage", Usage)
    app.add_directive("options", Options)
    app.add_directive("keys", Keys)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
