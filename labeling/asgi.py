"""The composition of the web process: HTTP through WSGI under a bridge, websockets through Channels, on one port."""

from __future__ import annotations

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from labeling.runtime.bridge import Bridge

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeling.settings")
http_application = get_wsgi_application()

application = ProtocolTypeRouter(
    {
        # Django's own ASGI path costs about 3 ms of CPU per request in thread hops; WSGI under the bridge doesn't.
        "http": Bridge(http_application, threads=4, streams=8),
        # Named by string: the addresses load models, which need the application that was made above.
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(import_string("labeling.urls.websocket_urlpatterns")))
        ),
    }
)
