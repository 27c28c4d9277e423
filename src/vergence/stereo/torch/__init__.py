"""The twin of the synthesis for a GPU: the same methods on torch tensors, on whichever device these lie.

Each module here has the name of the one in `vergence.stereo` that it follows, takes its constants from there, and
agrees with it to a rounding. Eyes are done together, as a leading axis E. Nothing loops over pixels or rows; what
concerns few pixels (edges, holes) works on a list of them, and the length of each list is the only thing that the
host waits for. What other frames know of holes is the one part that stays with the kernels, see `recall`.
"""
