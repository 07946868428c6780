"""What the mesh costs: time of a request by layer, and what proxies hold with few and with many Services."""
