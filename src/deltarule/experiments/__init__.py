"""Floor 7, experiments: recipes, run folders, comparisons, and the use of what they made."""

ORDER = (
    "recipes",
    "folders",
    "preparation",
    "planning",
    "facts",
    "runs",
    "serving",
    "arms",
    "questions",
    "asking",
    "errands",
    "pools",
    "results",
    "verdict",
    "findings",
    "answers",
    "watching",
    "carrying",
    "comparisons",
)
