"""What the simulator answers: scripts, directives, and the events made from them."""
