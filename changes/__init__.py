"""What differs between two plans, and what the providers make of it: for the comparison and for the policies."""
