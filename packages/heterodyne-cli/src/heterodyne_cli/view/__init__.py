"""The viewer: measurements, results and the next fit in a browser (extra ``view``: Panel and Bokeh).

Data flow one way: `workspace` (what was opened) -> `measured` (maps and results of one run) -> pure functions of
arrays (`windows`, `cuts`, `model_at`) -> panes -> pages -> `server`.
"""
