"""What holds for every test: a property is about values, so a slow machine is no failure of it."""

from hypothesis import settings

settings.register_profile("project", deadline=None)
settings.load_profile("project")
