"""Once per account: who may deploy from GitHub, where state and secrets stand, and a runner in the network."""
