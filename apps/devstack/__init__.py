"""`siaga up`: all of Siaga on this machine, from one command to the first level change, and nothing left behind."""
