"""The decision on each request, without IO."""
