"""How properties are tried here: no example has a deadline, since a busy machine is no failure."""

import hypothesis

hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
