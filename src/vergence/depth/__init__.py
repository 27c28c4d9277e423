"""Pictures to depth: the table of models, their weights, and what runs them."""
