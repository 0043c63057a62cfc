"""Floor 4, reports: pages and plots from plain dicts and arrays.

A page is one self-contained HTML file: no script, nothing fetched, pictures inside.
"""

ORDER = (
    "words",
    "histories",
    "palette",
    "figures",
    "axes",
    "lines",
    "plots",
    "summaries",
    "rendering",
    "markdown",
    "mistakes",
    "pages",
    "arms",
    "bands",
    "intervals",
    "contrasts",
    "comparisons",
    "sweep_plots",
    "sweeps",
)
