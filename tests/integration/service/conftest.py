from tests.support.service.fixtures import job, tools

__all__ = ["job", "tools"]
