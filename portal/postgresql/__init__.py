"""Django's PostgreSQL backend with a health check that seldom needs a question; settings name it as the engine."""
