"""The harness protocol: how the suite drives a client, a library or a server of another implementation."""
