"""Floor 7, experiments: recipes, run folders, and the use of what they made."""

ORDER = (
    "recipes",
    "folders",
    "preparation",
    "planning",
    "facts",
    "journal",
    "runs",
    "serving",
    "scaling",
)
