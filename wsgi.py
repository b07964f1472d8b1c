"""The WSGI entry point: `application`, configured by the file that MATRICULA_CONFIG names."""

from gateway.app import create_app

application = create_app()
