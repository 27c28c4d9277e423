"""What networks of one view say of the sky."""

import numpy as np

from vergence.depth.families.depth_anything_3.network import Floats

SKY = 0.3  # from here up the network's answer is taken for sky
FEWEST = 10  # pixels; up to so many of either kind say nothing
FAR = 0.99  # quantile of depth that is called far


def fill_sky(depth: Floats, sky: Floats) -> Floats:
    """Give pixels of sky the depth of the farthest others, over all (N, H, W) views together.

    What the network answers there is anything. `networks.depth_anything_3.nested` has the same in torch.
    """
    is_sky = sky >= SKY
    seen = depth[~is_sky]
    if seen.size <= FEWEST or depth.size - seen.size <= FEWEST:
        return depth
    return np.where(is_sky, np.quantile(seen, FAR).astype(np.float32), depth)
