"""Traps 3 and 5 measured on the running lab: what an answer is, and how the call travelled."""
