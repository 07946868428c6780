"""From what runs to settings: reads namespaces and their traffic, and writes what the stack would say of them."""
