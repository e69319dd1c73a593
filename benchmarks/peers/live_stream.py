"""The harness's generator with current event times: its own are of 2024, which a worker with the wall clock rejects.

Takes the generator's arguments; `--rate` is required, because event time advances with wall time.
"""

import functools
import sys
import time

import generate  # of the harness


def main() -> None:
    rate = float(sys.argv[sys.argv.index("--rate") + 1])
    generate.T0 = time.time()
    generate.stream = functools.partial(generate.stream, step=1 / rate)
    generate.main()


if __name__ == "__main__":
    main()
