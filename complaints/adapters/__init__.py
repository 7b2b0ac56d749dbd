"""The outside world: bytes in, bytes out. Adapters know no models."""
