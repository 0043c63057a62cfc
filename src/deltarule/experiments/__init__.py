"""Floor 7, experiments: recipes, run folders, comparisons, and the use of what they made."""

ORDER = (
    "recipes",
    "folders",
    "preparation",
    "planning",
    "facts",
    "results",
    "runs",
    "serving",
    "arms",
    "questions",
    "asking",
    "errands",
    "pools",
    "run_results",
    "verdict",
    "findings",
    "answers",
    "watching",
    "carrying",
    "comparisons",
)
