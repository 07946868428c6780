"""What every proxy of the mesh is started with: read once, so a change reaches a pod when the pod is made anew."""

from __future__ import annotations

import hashlib
import json

# Text, not booleans: they become environment variables of every proxy, the gateway's too, whose own annotation is
# merged key by key (istio/istio, pkg/config/mesh, MergeProxyConfig).
PROXY_METADATA: dict[str, str] = {
    # A leaving pod ends as soon as its last connection does, instead of after a fixed time.
    "EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true",
    # Envoy's port 15090 takes a prefix of the path and its admin interface resolves `..` afterwards: whoever reached
    # the port reached all of it, `quitquitquit` included. With this it listens on the loopback address only, and the
    # agent's 15020 answers 403 to others. ADR 11 says how metrics are read.
    "METRICS_LOCALHOST_ACCESS_ONLY": "true",
}

BOOTSTRAP_CHECKSUM: dict[str, str] = {
    "checksum/proxy": hashlib.sha256(json.dumps(PROXY_METADATA, sort_keys=True).encode()).hexdigest()[:16]
}
"""An annotation for pods with a proxy: they roll when what it is started with changes."""
