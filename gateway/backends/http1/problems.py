"""What goes wrong between the gateway and a model server."""


class TransportError(Exception):
    """No response, or not all of one."""


class ConnectError(TransportError):
    """Nobody listens there, or nobody could be reached in time."""


class ReadTimeout(TransportError):
    """No byte came for too long."""


class ReadError(TransportError):
    """The connection broke, or what came on it is not HTTP."""
