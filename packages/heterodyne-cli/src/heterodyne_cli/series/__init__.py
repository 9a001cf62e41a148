"""Series of fits with one configuration, by ``watch`` and ``batch``: tasks, worker processes, record, summaries."""
