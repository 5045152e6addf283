"""Facts about AWS that signing in and the upstream share."""
