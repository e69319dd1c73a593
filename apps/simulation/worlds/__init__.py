"""Worlds: families of simulated days, each with curves, mixes and processes of its own (docs/evaluation.md)."""

from apps.simulation.worlds import bawaslu, bulletins, clusters, drift, shifts
from apps.simulation.worlds.world import World

#: By name, in the order in which they are reported.
WORLDS: dict[str, World] = {
    world.name: world for world in (bawaslu.WORLD, clusters.WORLD, bulletins.WORLD, shifts.WORLD, drift.WORLD)
}
