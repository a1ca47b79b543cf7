"""Django's PostgreSQL, with connections that are kept and looked at cheaply."""
