"""What the function of age is called."""

SUBJECTS = {"J": "the transport coefficient"}
LABELS = {"J": "J"}
FRACTIONS = ()
TITLE = "Transport"
