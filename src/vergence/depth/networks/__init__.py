"""Networks in torch, with the parameter names of their checkpoints: to convert and to train, never to estimate."""
