"""The service: HTTP, use cases, audit, tokens, configuration and command line."""

__version__ = "0.1.0"
