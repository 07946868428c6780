"""What somebody with rights in one namespace must not be able to do there: real requests to the real API server.

Nothing is kept: requests that would change something are dry runs, which pass every admission, and those that would
open a stream into a pod lack the upgrade that opens it.
"""
