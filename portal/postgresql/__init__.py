"""Django's PostgreSQL backend with a cheaper health check; DATABASES names it as the engine."""
