"""Every attempt and every legitimate request, a module for each family."""
