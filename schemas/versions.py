"""Which versions of the input messages are read, oldest first. The last is the one that publishers should send."""

INCIDENTS_READ = ("siaga.incident/2",)
TURNOUT_READ = ("siaga.turnout/2",)
