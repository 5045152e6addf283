"""Opens conversations whose answers are checked, and asks once more for what one of them lacks."""
