"""A model of another distribution: one component. Nothing outside of this folder knows of it."""
