"""The AWS side: an account in moto, and how each resource that something reads is made in it."""
