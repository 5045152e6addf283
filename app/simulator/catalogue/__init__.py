"""What the simulated service offers and how it fails: models and faults."""
