"""The fit of the two-component model: starting values from curves, exchange of labels, evidence, sentences."""

from heterodyne_nlsq.two_component.knowing import KNOWLEDGE
from heterodyne_nlsq.two_component.words import NO_FLOW, ONE_COMPONENT

__all__ = ["KNOWLEDGE", "NO_FLOW", "ONE_COMPONENT"]
