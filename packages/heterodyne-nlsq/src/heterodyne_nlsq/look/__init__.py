"""A look at the data that knows no laws: what the curves of every age show by themselves."""
