"""`meshops waves`: where each namespace stands on its way into the mesh, the next step, its gate, and the way back."""
