"""Floor 7, a door: a trained network for others to run, checked before it is left."""

ORDER = (
    "forward",
    "verification",
    "onnx_operators",
    "onnx_graph",
    "python_parts",
    "numpy_predictor",
    "torch_module",
    "door",
)
