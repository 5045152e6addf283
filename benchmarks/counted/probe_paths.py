"""The paths of `probe`, which can only be imported in a worker."""

GARBAGE, MEMORY = "/probe/garbage", "/probe/memory"
