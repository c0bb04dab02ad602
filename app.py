"""The Chalice app: the HTTP API and the handlers of queues and the clock, and nothing else."""

from __future__ import annotations

from chalice.app import Chalice

from chalicelib import processor_handlers
from chalicelib.api.routes import make_blueprint
from chalicelib.runtime import get_runtime

app = Chalice(app_name="sedo")
app.register_blueprint(make_blueprint(get_runtime))
app.register_blueprint(processor_handlers.blueprint)
