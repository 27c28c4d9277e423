"""Collections of pictures with known depth: one module each, yielding `DepthFrame`s whose depth is the truth."""
