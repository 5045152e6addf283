"""What many gateways need: counted at 1, 2 and 3, predicted by a model, checked, and carried on.

``python -m benchmarks.scale`` counts (``measure``), fits the model (``model``) to one gateway,
compares what it says of two and three with what was counted, and writes ``docs/scaling.md``
(``report``).
"""
