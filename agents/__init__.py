"""Siaga's shell: Faust agents, the command line, metrics, the board and the embedded broker."""
