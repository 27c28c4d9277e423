"""Spatial films and photos as Apple's devices take them: MV-HEVC in QuickTime, pairs in HEIC."""
