"""What holds for all routes: the part of the reference that people read first."""
