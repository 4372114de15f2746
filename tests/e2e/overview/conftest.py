from tests.support.fixtures import upstream_of_all

__all__ = ["upstream_of_all"]
