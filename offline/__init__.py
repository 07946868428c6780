"""The mock runtime: runs the program without the Pulumi engine, and records what it asks for."""
