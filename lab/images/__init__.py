"""The table of images: which programs of this machine a container runs, and where those come from."""
