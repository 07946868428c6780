"""What verify asks: which call, from where, with what it must end in."""
