"""Where tokens come from, how they stay fresh, and how workers share them."""
