from tests.support.tunnel.fixtures import stand_in

__all__ = ["stand_in"]
