"""What all tests share."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)  # an example may have to wait for another process
settings.load_profile("patient")
