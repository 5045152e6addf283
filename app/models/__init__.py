"""The table of models, and the lookup of the model for a client's name."""
