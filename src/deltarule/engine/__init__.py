"""Floor 4, the engine: a compiled core that trains plain dense chains fast, and what leads to it.

The core is optional: without it the reference does everything, and `native` says so.
"""

ORDER = ("limits", "processors", "native", "description", "inference", "fast")
