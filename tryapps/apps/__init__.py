"""The programs that are tried, by name. A file has those of one kind."""

from tryapps.app import App
from tryapps.apps import agents, chats, libraries

APPS: dict[str, App] = {app.name: app for app in (*agents.APPS, *chats.APPS, *libraries.APPS)}
