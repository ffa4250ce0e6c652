"""Real engines from their published packages, on free loopback ports, for the demo and tests.

They are for trying out: without passwords, with little memory, and their data goes with their
folder. What runs for good is started otherwise, for instance by `compose.yaml`.
"""
