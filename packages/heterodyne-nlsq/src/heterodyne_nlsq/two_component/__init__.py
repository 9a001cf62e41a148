"""What the fit knows of the two-component model: starts from curves, names that may be exchanged, evidence, words."""

from heterodyne_nlsq.two_component.knowing import KNOWLEDGE
from heterodyne_nlsq.two_component.words import NO_FLOW, ONE_COMPONENT

__all__ = ["KNOWLEDGE", "NO_FLOW", "ONE_COMPONENT"]
