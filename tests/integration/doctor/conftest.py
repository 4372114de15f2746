from tests.support.fixtures import dsn, upstream
from tests.support.tunnel.fixtures import stand_in

__all__ = ["dsn", "stand_in", "upstream"]
