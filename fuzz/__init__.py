"""Coverage-guided fuzzing of the code that parses untrusted bytes: ``make fuzz``."""
