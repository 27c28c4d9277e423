"""Whole jobs, from a file to a file. The command line and the library call these; what they join is in the folders.

A film runs through one thread a stage, so that decoding, the network, the warp and the encoder overlap, and no stage
holds more than a few frames. A result lies under its name only once it is whole.
"""
