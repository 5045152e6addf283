"""What several rooms use, and what uses none of them."""
