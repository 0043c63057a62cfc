"""The words of the command line, and what `--help` says of them."""

from __future__ import annotations

import dataclasses

import pytest

from deltarule.cli.parser import EXIT_CODES, build_parser
from deltarule.ground.errors import InvalidInput
from deltarule.runs.recipes import Recipe

COMMANDS = [
    "train",
    "evaluate",
    "predict",
    "export",
    "report",
    "check-gradients",
    "datasets",
    "recipes",
]


def refusal(words: str) -> str:
    """The sentence with which words are refused."""
    with pytest.raises(InvalidInput) as caught:
        build_parser().parse_strictly(words.split())
    return str(caught.value)


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What --help prints."""
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*command.split(), "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command explains itself, its options and its exit codes."""
    text = help_of(command, capsys)
    assert text.startswith(f"usage: deltarule {command}".rstrip())
    assert EXIT_CODES.strip() in text
    for code in ("0 ", "1 ", "2 ", "130"):
        assert f"\n  {code}" in text


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`deltarule --help` lists what there is."""
    text = help_of("", capsys)
    assert all(f"\n    {command}" in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_common_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command has --json and --quiet."""
    text = help_of(command, capsys)
    assert "--json" in text
    assert "--quiet" in text


def test_train_has_an_option_for_each_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Every key of a recipe can be given by an option of its own, with its help."""
    text = " ".join(help_of("train", capsys).split())
    named_otherwise = {"data": "DATA", "data_dir": "--data"}
    for field in dataclasses.fields(Recipe):
        if field.name == "description":
            continue
        option = named_otherwise.get(field.name, f"--{field.name.replace('_', '-')}")
        assert option in text, field.name
    for field in dataclasses.fields(Recipe):
        if field.name not in ("description", "data", "data_dir", "target"):
            assert " ".join(field.metadata["help"].split())[:30] in text, field.name


def test_no_abbreviations() -> None:
    """A shortened option is refused, so that scripts do not break when options are added."""
    assert "Did you mean --epochs?" in refusal("train digits --epoch 3")
    assert "Did you mean --quiet?" in refusal("evaluate a b --quit")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("trian digits", "Unknown command 'trian'. Did you mean train?"),
        ("datasets got", "Unknown action 'got'. Did you mean get? Known are: list, get."),
        ("train", "The following arguments are required: DATA. See deltarule train --help."),
        ("train a b", "deltarule train takes no further word b. See deltarule train --help."),
        ("train a --out", "--out needs a value behind it. See deltarule train --help."),
        ("train a --json=1", "--json takes no value, not '1'. See deltarule train --help."),
        ("--quiet train a", "Options stand behind the command: deltarule train ... --quiet."),
        ("check-gradients --seed 1.5", "--seed must be a whole number, not '1.5'."),
        (
            "train a --learning-rate 1",
            "deltarule train has no option --learning-rate. Did you mean --lr?",
        ),
        ("--nonsense", "deltarule has no option --nonsense. See deltarule --help."),
    ],
)
def test_sentences(words: str, says: str) -> None:
    """What the parser refuses it refuses in one of our sentences."""
    assert refusal(words).startswith(says)


def test_words_are_taken_as_given() -> None:
    """Values keep their spelling until a recipe interprets them."""
    args = build_parser().parse_strictly(
        ["train", "x.csv", "--target", "001", "--set", "lr=1", "--set", "a=b=c", "--lr", ".5"]
    )
    assert args.target == "001"
    assert args.set == ["lr=1", "a=b=c"]
    assert args.key_lr == ".5"
    assert args.key_epochs is None
