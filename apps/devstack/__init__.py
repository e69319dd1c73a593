"""`siaga up`: all of Siaga on this machine, started, watched and stopped by one command."""
