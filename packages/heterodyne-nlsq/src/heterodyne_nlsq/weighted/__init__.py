"""Estimates with weights that know the noise: sharper where frames share their speckle."""
