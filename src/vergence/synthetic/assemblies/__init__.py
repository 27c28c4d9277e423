"""Things put together from primitives. Each is a function of a `Builder`: it stands at the current frame's origin,
its front towards -y, its up +z, and takes its sizes in metres."""
