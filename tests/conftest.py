"""What all tests share."""

from hypothesis import Phase, settings

settings.register_profile("patient", deadline=None)  # an example may have to wait for another process
settings.register_profile("planted", deadline=None, database=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("patient")
