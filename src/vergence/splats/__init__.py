"""Scenes of 3-D Gaussians: made from depth, thinned out, and drawn without a graphics card."""
