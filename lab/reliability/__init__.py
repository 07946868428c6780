"""What is lost while something happens: steps, the load meanwhile, and the same steps done the naive way."""
