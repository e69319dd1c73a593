"""Why `siaga up` cannot start or go on."""


class UpError(RuntimeError):
    """One line for the person at the terminal."""
