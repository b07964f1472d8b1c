"""Streams: audit events go to other systems, pushed to webhooks or fetched by polls."""
