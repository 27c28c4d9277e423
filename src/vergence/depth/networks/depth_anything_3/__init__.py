"""Depth Anything 3 (Lin et al., arXiv:2511.10647): depth, rays, cameras and Gaussians of one view or many."""
