"""Where the jars and the data of the embedded broker live."""

import os
from pathlib import Path

HOME_VARIABLE = "SIAGA_HOME"
_CHECKOUT = Path(__file__).resolve().parents[2]


def home() -> Path:
    """SIAGA_HOME, else `.siaga` in the checkout, else (installed from a wheel) the user's cache directory."""
    if chosen := os.environ.get(HOME_VARIABLE, "").strip():
        return Path(chosen).expanduser().absolute()
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / ".siaga"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "siaga"
