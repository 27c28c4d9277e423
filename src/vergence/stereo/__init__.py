"""Depth to what two eyes see: disparity, refine, warp, fill, layout; `synthesise` runs them in this order."""
