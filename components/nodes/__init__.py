"""The nodes: the groups of the zones, and what adds more."""
