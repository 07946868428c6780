"""The checks of verify by layer, each a pure function over the facts; `meshops.verify.registry` lists them."""
