"""Flux, real, and a Git server of this machine as its source: on the lab that asks for it."""
