"""Siaga among other stream processors, on the job and with the harness of their comparison; see README.md."""
