"""vergence."""
