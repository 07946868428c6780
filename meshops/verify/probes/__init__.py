"""The short-lived pods that make the calls of a run, and the lines that the proxies on their way wrote."""
