"""Tools that the gateway runs itself, inside one answer."""
