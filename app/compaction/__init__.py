"""Compaction: a summary that the model writes stands for the earlier part of a conversation."""
