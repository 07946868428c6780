"""What talks to the other side: standard library only, since the same files run on this machine and in attack pods."""
