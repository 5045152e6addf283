"""The decision on each request, made without IO."""
