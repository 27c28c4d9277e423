"""Live depth over one WebSocket: what `vergence live` and `vergence serve` run. See docs/protocol.md."""
