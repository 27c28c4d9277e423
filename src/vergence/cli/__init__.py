"""The command line: arguments and terminal output live here and nowhere else."""
