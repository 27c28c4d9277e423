"""One module per model family: `load(card, weights, options) -> DepthModel`. A card names its family's module."""
