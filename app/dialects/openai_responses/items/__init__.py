"""The items of a request's input: their types, and the turns of a conversation that they become."""
