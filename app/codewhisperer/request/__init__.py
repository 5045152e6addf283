"""A conversation rendered as the body of a CodeWhisperer request."""
