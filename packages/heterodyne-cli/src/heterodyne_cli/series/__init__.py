"""Many measurements under one configuration: what they ask for, their fits, the record, the tables."""
