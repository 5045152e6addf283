"""One folder for each client dialect. A dialect never imports another."""
