"""The posterior of several measurements of one sample: an exact chain over all maps, or one shard per measurement."""
