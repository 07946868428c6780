"""The cluster itself: control plane, node, network, DNS, the internet's stand-in, and helm."""
