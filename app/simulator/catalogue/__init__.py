"""What the simulated service offers and how it fails: its models and its faults."""
