"""Stereo measured against true right eyes: scenes, rivals, measures, and the protocol that joins them.

Given the left eye and its disparity, every method makes the right eye, which the scene knows. `scenes` is the table of
scenes, `methods` that of methods with the floors and rivals every table shows, `protocol` scores one on the other.
"""
