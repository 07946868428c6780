"""What leaves the mesh: hosts, private networks, and what an application may do in AWS."""
