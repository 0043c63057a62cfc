"""The command line's words: commands, options, and what `--help` says of them."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import re
from typing import Any, NoReturn

from ..ground.errors import InvalidInput
from ..ground.synonyms import synonym_of

__all__ = ["EXIT_CODES", "build_parser"]

EXIT_CODES = """exit codes:
  0    done
  1    the work failed: a gradient check, or a training that diverged
  2    the input was refused: an option, a file or its content
  130  interrupted by Ctrl-C
  143  interrupted by SIGTERM
"""


class Parser(argparse.ArgumentParser):
    """Refuses in one sentence, with the nearest known word."""

    commands: dict[str, Parser]

    def parse_strictly(self, words: list[str]) -> argparse.Namespace:
        """Parse all words; an unknown one is refused by the command that it was given to."""
        args, unknown = self.parse_known_args(words)
        if unknown:
            where = self.commands[args.command] if args.command else self
            where.error(f"unrecognized arguments: {' '.join(unknown)}")
        return args

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(self._sentence(message))

    def _sentence(self, message: str) -> str:
        help_hint = f"See {self.prog} --help."
        if match := re.match(r"unrecognized arguments: (\S+)", message):
            word = match.group(1).partition("=")[0]
            if word in self._words():
                return f"Options stand behind the command: {self.prog} ... {word}. {help_hint}"
            what = "has no option" if word.startswith("-") else "takes no further word"
            return f"{self.prog} {what} {word}.{_near(word, self._words())} {help_hint}"
        if match := re.match(
            r"argument (\S+): invalid choice: '([^']*)' \(choose from (.*)\)", message
        ):
            what, word, choices = match.groups()
            known = re.findall(r"[\w.-]+", choices)
            told = f"{_near(word, known)} Known are: {', '.join(known)}."
            return f"Unknown {what.lower()} {word!r}.{told}"
        if match := re.match(r"argument (\S+): invalid int value: (.*)", message):
            return f"{match.group(1)} must be a whole number, not {match.group(2)}. {help_hint}"
        if match := re.match(r"argument (\S+): ignored explicit argument (.*)", message):
            return f"{match.group(1)} takes no value, not {match.group(2)}. {help_hint}"
        if match := re.match(r"argument (\S+): expected one argument", message):
            return f"{match.group(1)} needs a value behind it. {help_hint}"
        return f"{message[0].upper()}{message[1:]}. {help_hint}"

    def _words(self) -> list[str]:
        return [word for action in self._actions for word in action.option_strings]


def _near(word: str, known: list[str]) -> str:
    ours = {option.lstrip("-").replace("-", "_"): option for option in known}
    if word.startswith("--") and (theirs := synonym_of(word, ours)):
        name = theirs.strip("'")
        return f" Did you mean {ours[name]}?"
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def build_parser() -> Parser:
    """The parser of every command."""
    parser = Parser(
        prog="deltarule",
        description="Feed-forward neural networks, from the derivation to production.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    train = _command(commands, "train", "train a network; write a run folder with a report")
    _source_and_recipe(train)
    train.add_argument("--out", metavar="DIR", help="the run folder, new or empty")
    train.add_argument(
        "--tensorboard", action="store_true", help="write event files into RUN/tensorboard, too"
    )
    _data_options(train)
    _recipe_options(train)

    resume = _command(
        commands, "resume", "go on with a run or a comparison that was interrupted or killed"
    )
    resume.add_argument("run", metavar="RUN", help="the folder of the run or the comparison")
    resume.add_argument(
        "--force", action="store_true", help="go on even if the data or the settings have changed"
    )
    resume.add_argument(
        "--tensorboard",
        action="store_true",
        help="write event files of all epochs; a run that was begun with them has them anyway",
    )
    _unused_seed(resume)

    resume.add_argument("--jobs", metavar="N", help="of a comparison: how many runs at once")

    _compare_options(
        _command(commands, "compare", "compare recipes over several seeds, and say what it shows")
    )

    plan = _command(commands, "plan", "what a training would take, without training")
    _source_and_recipe(plan)
    _data_options(plan)
    _recipe_options(plan)

    _sweep(_command(commands, "sweep", "search for the best recipe: many trials, each a run"))

    evaluate = _command(commands, "evaluate", "loss and metrics of a trained network")
    _model_and_data(evaluate)
    _unused_seed(evaluate)
    predict = _command(commands, "predict", "predictions of a trained network, as CSV")
    _model_and_data(predict)
    predict.add_argument("--out", metavar="FILE", help="write the CSV there, not to the screen")
    _unused_seed(predict)
    predict.add_argument("--proba", action="store_true", help="add each class's probability")

    report = _command(
        commands, "report", "make the page of a run, a comparison or a sweep anew, from its folder"
    )
    report.add_argument(
        "runs", nargs="+", metavar="RUN", help="the folder of a run, a comparison or a sweep"
    )
    report.add_argument(
        "--format",
        default="html",
        metavar="FORMAT",
        help="html (one page that needs nothing else) or md (Markdown with SVG files beside it, "
        "for a pull request)",
    )
    report.add_argument(
        "--out",
        metavar="PATH",
        help="the page's file; of several folders, a folder for their pages; by default "
        "report.html or report.md in each",
    )
    _unused_seed(report)

    check = _command(commands, "check-gradients", "check every derivative by machine")
    check.add_argument("--seed", type=int, default=0, metavar="N", help="of weights and rows")

    export = _command(commands, "export", "a trained network as ONNX, torch module or NumPy file")
    export.add_argument("model", metavar="MODEL_OR_RUN", help="a model file or a run folder")
    export.add_argument(
        "--to",
        required=True,
        metavar="FORMAT",
        help="onnx (checked by onnxruntime), torch (a module's source and its state dict) or "
        "numpy (a predictor that needs NumPy only)",
    )
    export.add_argument(
        "--out",
        metavar="FILE",
        help="NAME.onnx or NAME.py, beside the model by default; weights of the latter go to "
        "NAME_weights.safetensors",
    )
    _unused_seed(export)

    bench = _command(commands, "bench", "what more workers bring, measured and by a model")
    bench.add_argument("what", choices=["scale"], help="throughput of several workers")
    bench.add_argument(
        "--latency", metavar="µs", help="of the network between machines; as measured by default"
    )
    bench.add_argument(
        "--bandwidth", metavar="GB/s", help="of that network; as measured here by default"
    )
    _unused_seed(bench)

    data = _command(commands, "datasets", "the data sets that are known by name")
    data.add_argument("action", nargs="?", choices=["list", "get"], default="list")
    _unused_seed(data)
    data.add_argument("name", nargs="?", help="which to download, only when asked")

    recipes = _command(commands, "recipes", "the recipes that come with the library")
    _unused_seed(recipes)
    recipes.add_argument("name", nargs="?", help="print this recipe, complete, as TOML")
    parser.commands = commands.choices
    return parser


def _command(commands: argparse._SubParsersAction, name: str, about: str) -> Parser:  # type: ignore[type-arg]
    command: Parser = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object on the last line of stdout"
    )
    command.add_argument("--quiet", action="store_true", help="print only results and errors")
    return command


def _compare_options(compare: Parser) -> None:
    compare.add_argument("source", metavar="DATA", help="digits, cifar10, mnist, or a path")
    of_many: dict[str, Any] = {"action": "append", "default": []}
    compare.add_argument(
        "--recipe",
        action="append",
        metavar="NAME|FILE",
        help="an arm, several times; or once, with --vary; see `deltarule recipes`",
    )
    compare.add_argument(
        "--vary",
        **of_many,
        metavar="KEY=A,B",
        help="an arm for each value; several times for each combination. Lists are separated by "
        "semicolons: hidden_layer_sizes=100,50;200",
    )
    compare.add_argument(
        "--tune",
        **of_many,
        metavar="KEY=A,B",
        help="give each arm its own best of these values, such as lr=0.001,0.003,0.01, first",
    )
    compare.add_argument(
        "--tune-seeds", default=2, metavar="N", help="by the mean over so many other seeds (2)"
    )
    compare.add_argument("--seeds", default=5, metavar="N", help="runs of each arm (5)")
    compare.add_argument(
        "--metric",
        metavar="COLUMN",
        help="of the history, to compare by; the recipe's monitor, accuracy or r2 by default",
    )
    compare.add_argument(
        "--reach", metavar="VALUE", help="tell the epochs, steps and seconds to this value"
    )
    compare.add_argument("--name", **of_many, metavar="NAME", help="of an arm, one for each")
    compare.add_argument(
        "--jobs", metavar="N", help="runs at once, one thread each; by default one a processor"
    )
    compare.add_argument(
        "--out", metavar="DIR", help="the folder: new, empty, or of the same comparison, to go on"
    )
    compare.add_argument("--format", default="html", help="of the report (html)")
    compare.add_argument(
        "--set",
        **of_many,
        metavar="KEY=VALUE",
        help="change a key in all arms, such as epochs=5 or optimizer.beta1=0.95",
    )
    _data_options(compare)
    _recipe_options(compare)


def _unused_seed(command: Parser) -> None:
    """For scripts that give every command the same options."""
    command.add_argument(
        "--seed", metavar="N", help="taken by every command; this one draws nothing at random"
    )


def _source_and_recipe(command: Parser) -> None:
    command.add_argument("source", metavar="DATA", help="digits, cifar10, mnist, or a path")
    command.add_argument(
        "--recipe", default="default", metavar="NAME|FILE", help="see `deltarule recipes`"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a key of the recipe, such as lr=0.01 or optimizer.beta1=0.95",
    )


def _data_options(command: Parser) -> None:
    command.add_argument("--target", metavar="COLUMN", help="the column of a table to learn")
    command.add_argument(
        "--data", dest="data_dir", metavar="DIR", help="where to look for cifar10 and mnist"
    )


def _model_and_data(command: Parser) -> None:
    command.add_argument("model", metavar="MODEL_OR_RUN", help="a model file or a run folder")
    command.add_argument("source", metavar="DATA", help="digits, cifar10, mnist, or a path")
    command.add_argument(
        "--split",
        default="auto",
        help="auto (the test rows where there are any, else, to evaluate, the rows that the run "
        "held out, else all), all, validation or test",
    )
    _data_options(command)


def _sweep(sweep: Parser) -> None:
    _source_and_recipe(sweep)
    sweep.add_argument("--space", required=True, metavar="FILE", help="TOML: what is searched")
    sweep.add_argument(
        "--trials", default="20", metavar="N", help="how many there are to be, in all; 20"
    )
    sweep.add_argument("--out", metavar="DIR", help="the sweep's folder; sweeps/NAME by default")
    sweep.add_argument(
        "--storage",
        metavar="URL",
        help="sqlite:///FILE or postgresql://user@host/database; SQLite in the folder by default",
    )
    sweep.add_argument("--study", metavar="NAME", help="of the sweep in its store")
    sweep.add_argument(
        "--metric", metavar="COLUMN", help="what decides, such as val_accuracy; val_loss by default"
    )
    sweep.add_argument("--sampler", default="tpe", metavar="NAME", help="tpe, random or grid")
    sweep.add_argument("--pruner", default="median", metavar="NAME", help="median or none")
    sweep.add_argument("--timeout", metavar="SECONDS", help="begin no trial after so long")
    _data_options(sweep)
    _recipe_options(sweep)


def _recipe_options(command: Parser) -> None:
    """One option for each key of a recipe that has none yet."""
    from ..runs.recipes import Recipe

    group = command.add_argument_group("keys of the recipe, each also for --set")
    taken = ("data", "data_dir", "target", "description")
    for field in dataclasses.fields(Recipe):
        if field.name in taken:
            continue
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            dest=f"key_{field.name}",
            metavar=field.metadata["example"] or "VALUE",
            help=field.metadata["help"].replace("%", "%%"),
        )
