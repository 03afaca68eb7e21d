"""Clusters: which servers there are, and which one takes the next request."""
