"""The way of one request to the model: the stages, in `pipeline.py`, and what they keep."""
