"""The WSGI entry point: `application`, configured by the file that MATRICULA_CONFIG names."""

import sys

from gateway.app import create_app, start_background
from gateway.references import ConfigurationError

try:
    application = create_app()
except ConfigurationError as error:
    # For people who start it: which entry is wrong, instead of where in the code.
    sys.exit(f"Error: {error}")
start_background(application)
