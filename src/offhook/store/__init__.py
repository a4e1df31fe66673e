"""Where everything durable lives: SQLite or PostgreSQL through SQLAlchemy Core."""
