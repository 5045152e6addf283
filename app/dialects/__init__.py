"""The client dialects, a folder each, and what they share. A dialect never imports another."""
