"""The harness's generator with event times of now: its own lie in 2024, which a worker with the wall clock refuses as
too old.

Takes the generator's own arguments; `--rate` is needed: event time moves as fast as the wall's.
"""

import functools
import sys
import time

import generate  # the harness's, on the path


def main() -> None:
    rate = float(sys.argv[sys.argv.index("--rate") + 1])
    generate.T0 = time.time()
    generate.stream = functools.partial(generate.stream, step=1 / rate)
    generate.main()


if __name__ == "__main__":
    main()
