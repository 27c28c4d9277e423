"""Training of the network that ships inside the package, on pictures we render ourselves (torch)."""
