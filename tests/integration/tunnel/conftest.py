from tests.support.fixtures import dsn, upstream
from tests.support.tunnel.fixtures import owner, stand_in

__all__ = ["dsn", "owner", "stand_in", "upstream"]
